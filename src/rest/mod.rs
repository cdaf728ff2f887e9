//! JSON over HTTP below `/api/v1`: thin handlers, one envelope for success, problems for failure.

mod auth;
mod document;
mod envelope;
mod keys;
mod status;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::get;

use crate::domain::Sessions;
use crate::error::Kind;
use crate::http::Problem;
use crate::tasks::Lifecycle;

/// What others verify our tokens by.
pub fn keys_router() -> Router {
    Router::new().route("/.well-known/jwks.json", get(keys::show)).fallback(missing)
}

/// Sessions, where there is a database for them.
pub fn auth_router(sessions: Option<Sessions>) -> Router {
    auth::router(sessions).fallback(missing).method_not_allowed_fallback(no_method)
}

/// The REST API.
pub fn router(lifecycle: Lifecycle) -> Router {
    Router::new()
        .route("/api/v1/status", get(status::show))
        .fallback(missing)
        .method_not_allowed_fallback(no_method)
        .with_state(status::Started::now(lifecycle))
}

async fn missing(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("nothing is served at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{method} is not served at {}", uri.path()))
}
