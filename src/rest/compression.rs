//! Answers made smaller for clients that take it. Not those that carry secrets: whoever can put text of their own beside a
//! secret would learn it from the sizes (BREACH), so the routers of sessions and keys do without.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Smaller bodies fit a packet as they are. In bytes.
const LEAST: u16 = 1024;

/// Compresses what a router answers: not what is small, is a picture, is a stream of events, or is compressed already.
pub(super) fn compressing(router: Router) -> Router {
    let fits = SizeAbove::new(LEAST).and(NotForContentType::IMAGES).and(NotForContentType::SSE);
    router.layer(CompressionLayer::new().compress_when(fits)).layer(map_response(mark))
}

/// Whether a document of so many bytes is compressed for whoever takes it.
pub(super) fn is_compressed(bytes: usize) -> bool {
    bytes >= usize::from(LEAST)
}

/// Other bytes have another strong tag (RFC 9110 section 8.8.3): `"v7"` becomes `"v7-br"`.
async fn mark(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some((tag, encoding)) = text(header::ETAG).zip(text(header::CONTENT_ENCODING)) else { return answer };
    let plain = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let marked = plain.and_then(|tag| HeaderValue::try_from(format!("\"{tag}-{encoding}\"")).ok());
    if let Some(tag) = marked {
        headers.insert(header::ETAG, tag);
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::body::{Body, to_bytes};
    use axum::http::{HeaderMap, Request};
    use axum::routing::get;
    use flate2::read::GzDecoder;
    use tower::ServiceExt;

    use super::*;

    /// What comes of an answer of this type and size, for a client that takes these.
    async fn answer(kind: &'static str, size: usize, tag: &'static str, takes: &str) -> (HeaderMap, Vec<u8>) {
        let body = "x".repeat(size);
        let headers = [(header::CONTENT_TYPE, kind), (header::ETAG, tag)];
        let router = compressing(Router::new().route("/", get(move || async move { (headers, body) })));
        let request = Request::get("/").header("accept-encoding", takes).body(Body::empty()).unwrap();
        let (head, body) = router.oneshot(request).await.unwrap().into_parts();
        (head.headers, to_bytes(body, 1 << 20).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn what_the_client_takes_is_compressed_and_known_by_another_tag() {
        for encoding in ["gzip", "br", "zstd"] {
            let (headers, body) = answer("application/json", 5000, "\"v7-ab\"", encoding).await;
            assert_eq!(headers["content-encoding"], encoding);
            assert_eq!(headers["etag"], format!("\"v7-ab-{encoding}\""));
            assert_eq!(headers.get_all("etag").iter().count(), 1);
            assert_eq!(headers["vary"], "accept-encoding");
            assert!(body.len() < 500 && !headers.contains_key("content-length"));
        }
        let (_, body) = answer("application/json", 5000, "\"v7\"", "gzip").await;
        let mut plain = String::new();
        GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "x".repeat(5000));
    }

    #[tokio::test]
    async fn whoever_takes_nothing_is_told_that_others_get_something_else() {
        let (headers, body) = answer("application/json", 5000, "\"v7\"", "br;q=0, identity").await;
        assert_eq!((headers["etag"].to_str().unwrap(), body.len()), ("\"v7\"", 5000));
        assert_eq!(headers["vary"], "accept-encoding");
    }

    #[tokio::test]
    async fn small_answers_pictures_and_events_are_left_as_they_are() {
        for (kind, size) in [("application/json", 900), ("image/png", 5000), ("text/event-stream", 5000)] {
            let (headers, body) = answer(kind, size, "\"v7\"", "gzip, br, zstd").await;
            assert!(!headers.contains_key("content-encoding"), "{kind}");
            assert_eq!((headers["etag"].to_str().unwrap(), body.len()), ("\"v7\"", size), "{kind}");
        }
    }
}
