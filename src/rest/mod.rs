//! JSON over HTTP below `/api/v1`: thin handlers, one envelope for success, problems for failure.

mod api_keys;
mod asked;
mod asks;
mod auth;
mod document;
mod envelope;
mod keys;
mod known;
mod status;
mod tenants;

pub use asks::asks;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::get;

use crate::domain::{ApiKeys, Sessions, Tenants};
use crate::error::Kind;
use crate::http::Problem;
use crate::tasks::Lifecycle;

/// What others verify our tokens by.
pub fn keys_router() -> Router {
    with_fallbacks(Router::new().route("/.well-known/jwks.json", get(keys::show)))
}

/// Sessions and API keys, where there is a database for them.
pub fn auth_router(sessions: Option<Sessions>, keys: Option<ApiKeys>) -> Router {
    with_fallbacks(auth::router(sessions).merge(keys.map(api_keys::router).unwrap_or_default()))
}

/// Which gateway this is.
pub fn status_router(lifecycle: Lifecycle) -> Router {
    let started = status::Started::now(lifecycle);
    with_fallbacks(Router::new().route("/api/v1/status", get(status::show)).with_state(started))
}

/// The REST API, where there is a database for it.
pub fn router(tenants: Option<Tenants>) -> Router {
    with_fallbacks(tenants.map(tenants::router).unwrap_or_default())
}

fn with_fallbacks(router: Router) -> Router {
    router.fallback(missing).method_not_allowed_fallback(no_method)
}

async fn missing(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("nothing is served at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{method} is not served at {}", uri.path()))
}
