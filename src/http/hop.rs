//! Headers that end at this hop (RFC 9110 section 7.6.1) and headers only the gateway may set.

use http::header::{CONNECTION, HeaderMap, HeaderName, TRANSFER_ENCODING, UPGRADE};

/// Removes what is meant for this hop only: the standard's headers and those that `Connection` names.
///
/// `Transfer-Encoding` and `Upgrade` stay: who frames the message decides about them.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    strip(headers, ends_here);
}

/// Removes every header that only the gateway may set on the way to a backend.
pub fn strip_identity(headers: &mut HeaderMap) {
    strip(headers, is_identity);
}

/// Most messages have none of these, and looking through the few names there are is cheaper than asking for each.
pub(super) fn strip(headers: &mut HeaderMap, is_meant: fn(&HeaderName) -> bool) {
    while let Some(name) = headers.keys().find(|name| is_meant(name)).cloned() {
        headers.remove(name);
    }
}

/// What the standard says ends at this hop, and what was in use before it.
fn ends_here(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "te"
            | "trailer"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
    )
}

/// Who the caller is, as backends are told: never taken from a client.
fn is_identity(name: &HeaderName) -> bool {
    let names = ["x-user-id", "x-tenant-id", "x-roles", "x-olympus-identity"];
    names.iter().any(|it| name.as_str().len() == it.len() && begins_as(name, it))
}

/// Whether a name begins so, with `_` for `-` too: backends behind CGI or WSGI cannot tell the two apart.
pub(super) fn begins_as(name: &HeaderName, beginning: &str) -> bool {
    let (name, beginning) = (name.as_str().as_bytes(), beginning.as_bytes());
    let is_same = |(&sent, &meant): (&u8, &u8)| sent == meant || (sent == b'_' && meant == b'-');
    name.len() >= beginning.len() && name.iter().zip(beginning).all(is_same)
}

/// What `Connection` names, but for what frames the message: a client must not take that away.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let says_of_itself =
        |text: &str| text.eq_ignore_ascii_case("close") || text.eq_ignore_ascii_case("keep-alive");
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    // Most say just that, and need not be taken apart.
    let lists = values.filter(|value| !says_of_itself(value));
    let options = lists.flat_map(|value| value.split(',')).map(str::trim);
    options
        .filter(|option| !says_of_itself(option))
        .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
        .filter(|name| ![TRANSFER_ENCODING, UPGRADE].contains(name))
        .filter(|name| !["host", "content-length"].contains(&name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let parse = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(parse).collect()
    }

    #[test]
    fn headers_named_by_connection_end_here() {
        let mut sent = headers(&[
            ("connection", "close, X-Secret-Hop, Host"),
            ("x-secret-hop", "1"),
            ("host", "shop.example"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut sent);
        assert_eq!(sent, headers(&[("host", "shop.example"), ("accept", "*/*")]));
    }

    #[test]
    fn a_client_cannot_claim_an_identity() {
        let mut sent = headers(&[
            ("x_tenant_id", "2"),
            ("x-user-id", "1"),
            ("x-roles", "admin"),
            ("x-tenant-id", "2"),
            ("accept", "a"),
        ]);
        strip_identity(&mut sent);
        assert_eq!(sent, headers(&[("accept", "a")]));
    }
}
