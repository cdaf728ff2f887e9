//! Tokens of browsers in cookies, and how to tell a page of ours from one of somebody else, who could make a browser
//! send them (CSRF).

use http::header::{COOKIE, HOST, ORIGIN, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The cookie with the access token. By its prefix a browser takes it from its own host by TLS only (RFC 6265bis).
pub const ACCESS_COOKIE: &str = "__Host-olympus_access";
/// The cookie with the refresh token.
pub const REFRESH_COOKIE: &str = "__Host-olympus_refresh";

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    pairs(headers).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// Takes the cookies with tokens away; others stay.
pub fn strip_token_cookies(headers: &mut HeaderMap) {
    let is_token = |name: &str| name == ACCESS_COOKIE || name == REFRESH_COOKIE;
    if !pairs(headers).any(|(name, _)| is_token(name)) {
        return;
    }
    let others: Vec<String> = pairs(headers)
        .filter(|(name, _)| !is_token(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    headers.remove(COOKIE);
    if let (false, Ok(line)) = (others.is_empty(), HeaderValue::try_from(others.join("; "))) {
        headers.insert(COOKIE, line);
    }
}

/// Whether a request could change something: one that another site must not be able to make a browser send.
pub fn may_change(head: &Parts) -> bool {
    // A WebSocket begins as GET, and pages of any site may open one.
    !head.method.is_safe() || head.headers.contains_key(UPGRADE)
}

/// Whether a page of the same origin sent a request, as far as its browser says. Browsers that do not say
/// `Sec-Fetch-Site` say `Origin` on what could change something; who says neither is none, or cannot be told.
pub fn is_same_origin(head: &Parts) -> bool {
    if let Some(site) = head.headers.get(SITE) {
        return site == "same-origin";
    }
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    let origin = head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let origin = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    host.is_some() && origin == host
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
        let request = headers
            .iter()
            .fold(Request::builder().method(method), |it, (name, value)| it.header(*name, *value));
        request.uri("/a").body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_page_of_the_same_origin_is_one() {
        for (headers, is_one) in [
            (&[("host", "a.example"), ("sec-fetch-site", "same-origin")][..], true),
            (
                &[("host", "a.example"), ("sec-fetch-site", "same-site"), ("origin", "https://a.example")],
                false,
            ),
            (&[("host", "a.example"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a.example"), ("sec-fetch-site", "none")], false),
            (&[("host", "a.example"), ("origin", "https://a.example")], true),
            (&[("host", "a.example:8443"), ("origin", "https://a.example")], false),
            (&[("host", "a.example"), ("origin", "https://b.example")], false),
            (&[("host", "a.example"), ("origin", "null")], false),
            (&[("host", "a.example")], false),
            (&[], false),
        ] {
            assert_eq!(is_same_origin(&head("POST", headers)), is_one, "{headers:?}");
        }
    }

    #[test]
    fn a_handshake_of_websocket_counts_as_a_change() {
        assert!(!may_change(&head("GET", &[])));
        assert!(may_change(&head("GET", &[("upgrade", "websocket")])));
        assert!(may_change(&head("DELETE", &[])));
    }

    #[test]
    fn cookies_with_tokens_go_and_others_stay() {
        let line = format!("a=1; {ACCESS_COOKIE}=x; b=2; {REFRESH_COOKIE}=y");
        let mut headers = head("GET", &[("cookie", &line)]).headers;
        assert_eq!(cookie(&headers, REFRESH_COOKIE), Some("y"));
        strip_token_cookies(&mut headers);
        assert_eq!(headers.get(COOKIE).unwrap(), "a=1; b=2");
        let mut headers = head("GET", &[("cookie", &format!("{ACCESS_COOKIE}=x"))]).headers;
        strip_token_cookies(&mut headers);
        assert!(!headers.contains_key(COOKIE));
    }
}
