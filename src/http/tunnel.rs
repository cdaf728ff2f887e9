//! Requests that ask to become tunnels.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

/// Whether a request asks to become a tunnel: it opens a WebSocket (RFC 6455 section 4.1), and has no body. Nothing else
/// is let through as an upgrade, and to a request that merely says `Upgrade` all limits apply.
pub fn opens_tunnel(head: &Parts) -> bool {
    let Some(protocol) = head.headers.get(UPGRADE) else { return false };
    let connection = head.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = connection.flat_map(|value| value.split(','));
    let has_no_body = !head.headers.contains_key(TRANSFER_ENCODING)
        && head.headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    head.method == Method::GET
        && head.version == Version::HTTP_11
        && protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
        && options.any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
        && has_no_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn opens(method: &str, headers: &[(&str, &str)]) -> bool {
        let head = headers
            .iter()
            .fold(Request::builder().method(method), |it, (name, value)| it.header(*name, *value));
        opens_tunnel(&head.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_tunnel_is_asked_for_by_the_whole_handshake_alone() {
        let (upgrade, connection) = (("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"));
        assert!(opens("GET", &[upgrade, connection]));
        assert!(opens("GET", &[upgrade, connection, ("content-length", "0")]));
        assert!(!opens("POST", &[upgrade, connection]));
        assert!(!opens("GET", &[upgrade]));
        assert!(!opens("GET", &[connection]));
        assert!(!opens("GET", &[("upgrade", "h2c"), connection]));
        assert!(!opens("GET", &[upgrade, connection, ("content-length", "5")]));
        assert!(!opens("GET", &[upgrade, connection, ("transfer-encoding", "chunked")]));
    }
}
