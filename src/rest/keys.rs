//! `GET /.well-known/jwks.json`: the public keys that tokens and identities made here are verified by.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::identity::Authenticator;

/// How long others may keep it. A key is published for longer than that before it signs.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300, stale-while-revalidate=3600");
const KEY_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

pub(super) async fn show(Extension(identity): Extension<Arc<Authenticator>>) -> Response {
    let headers = [(header::CONTENT_TYPE, KEY_SET), (header::CACHE_CONTROL, FRESH)];
    (headers, Body::from(identity.published_keys())).into_response()
}
