//! The `Authorization: Bearer` header (RFC 6750).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Service;
use crate::secrets::Digest;
use crate::support::problem::Problem;

/// Lets only holders of the service token pass.
pub(super) async fn require_service(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    match token(request.headers()) {
        Some(given) if given == service.service_token => next.run(request).await,
        Some(_) | None => refusal("this route needs the service token"),
    }
}

/// The digest of the bearer token, if there is one.
pub(super) fn token(headers: &HeaderMap) -> Option<Digest> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Digest::of(token.trim()))
}

pub(super) fn refusal(detail: &str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
