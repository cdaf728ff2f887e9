//! `GET /.well-known/jwks.json`: the public keys that tokens and identities made here are verified by.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identity::Authenticator;

/// How long others may keep it. A key is published for longer than that before it signs.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300, stale-while-revalidate=3600");
const KEY_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(show))
}

/// Show the keys that tokens are signed with
///
/// A JSON Web Key Set (RFC 7517). Keys are published for a while before they sign.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "gateway", operation_id = "getKeys",
    responses((status = 200, description = "The keys.", content_type = "application/jwk-set+json",
               body = Object)),
    security(()),
)]
async fn show(Extension(identity): Extension<Arc<Authenticator>>) -> Response {
    let headers = [(header::CONTENT_TYPE, KEY_SET), (header::CACHE_CONTROL, FRESH)];
    (headers, Body::from(identity.published_keys())).into_response()
}
