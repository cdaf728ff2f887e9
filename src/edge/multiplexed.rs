//! What is different about the heads of requests over HTTP/2.

use http::header::{HOST, TE};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use pingora::http::RequestHeader;

/// Names the host by `Host` alone, as all that changes heads expects. A client of HTTP/2 names it in the target, and
/// Pingora moves it there again where the backend speaks HTTP/2.
pub(super) fn name_host(head: &mut Parts) {
    let Some(host) = head.uri.authority().map(Authority::as_str) else { return };
    if let (false, Ok(host)) = (head.headers.contains_key(HOST), HeaderValue::from_str(host)) {
        head.headers.insert(HOST, host);
    }
    if let Some(path) = head.uri.path_and_query().cloned() {
        head.uri = Uri::from(path);
    }
}

/// Whether the client takes trailers, and there is a way for them: HTTP/1.1 drops them. Servers of gRPC ask for it.
pub(super) fn takes_trailers(request: &RequestHeader) -> bool {
    let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    request.version == http::Version::HTTP_2 && request.headers.get_all(TE).iter().any(asks)
}
