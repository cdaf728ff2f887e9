//! The token of the admin API.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::Secret;
use crate::error::Kind;
use crate::http::Problem;

/// Lets a request with the token through and refuses every other.
pub(super) async fn require(State(token): State<Secret>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|sent| is_same(sent.as_bytes(), token.expose().as_bytes())) {
        return next.run(request).await;
    }
    let problem = Problem::new(Kind::Unauthenticated, "the admin API needs `Authorization: Bearer TOKEN`");
    let mut refusal = problem.into_response();
    refusal
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"olympus admin\""));
    refusal
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares in a time that depends on the lengths only, so that a token cannot be guessed byte by byte.
fn is_same(sent: &[u8], token: &[u8]) -> bool {
    let difference = sent.iter().zip(token).fold(0, |difference, (a, b)| difference | (a ^ b));
    sent.len() == token.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(is_same(b"secret", b"secret"));
        for wrong in ["", "secre", "secret1", "Secret"] {
            assert!(!is_same(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        let headers = |value| HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
        assert_eq!(bearer(&headers("bearer abc")), Some("abc"));
        assert_eq!(bearer(&headers("Basic abc")), None);
    }
}
