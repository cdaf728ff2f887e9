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

/// The value of a cookie. One that is no text counts as none.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines.flat_map(pieces).filter_map(pair);
    let (_, value) = pairs.find(|(key, _)| *key == name.as_bytes())?;
    std::str::from_utf8(value).ok()
}

/// What stands between the semicolons of a line: bytes, as browsers send what pages made them keep.
fn pieces(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = piece.iter().position(|byte| *byte == b'=')?;
    let (name, value) = piece.split_at_checked(at)?;
    Some((name.trim_ascii(), value.get(1..)?.trim_ascii()))
}

fn holds_token(piece: &[u8]) -> bool {
    let is_token = |name: &[u8]| name == ACCESS_COOKIE.as_bytes() || name == REFRESH_COOKIE.as_bytes();
    pair(piece).is_some_and(|(name, _)| is_token(name))
}

/// Takes the cookies with tokens away. All others stay, and lines without tokens are left as they are.
pub fn strip_token_cookies(headers: &mut HeaderMap) {
    let lines = headers.get_all(COOKIE);
    if !lines.iter().flat_map(pieces).any(holds_token) {
        return;
    }
    let others: Vec<HeaderValue> = lines.iter().filter_map(without_tokens).collect();
    headers.remove(COOKIE);
    headers.extend(others.into_iter().map(|line| (COOKIE, line)));
}

/// What is left of a line; nothing where it held tokens only.
fn without_tokens(line: &HeaderValue) -> Option<HeaderValue> {
    if !pieces(line).any(holds_token) {
        return Some(line.clone());
    }
    let kept: Vec<&[u8]> = pieces(line).filter(|piece| !piece.is_empty() && !holds_token(piece)).collect();
    // Parts of a value are a value.
    if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok() }
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

    #[test]
    fn a_cookie_outside_ascii_hides_no_token() {
        let (access, refresh) = (ACCESS_COOKIE.as_bytes(), REFRESH_COOKIE.as_bytes());
        let mut headers = HeaderMap::new();
        for line in [
            b"lang=\xe9; flag;".to_vec(),
            [b"city=Z\xfcrich; ", access, b"=x;flag; =1; ;b=2"].concat(),
            [refresh, b" =y"].concat(),
        ] {
            headers.append(COOKIE, HeaderValue::from_bytes(&line).unwrap());
        }
        assert_eq!(cookie(&headers, ACCESS_COOKIE), Some("x"));
        assert_eq!(cookie(&headers, REFRESH_COOKIE), Some("y"));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "city"), None);
        strip_token_cookies(&mut headers);
        let left: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, [&b"lang=\xe9; flag;"[..], b"city=Z\xfcrich; flag; =1; b=2"]);
    }
}
