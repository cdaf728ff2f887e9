//! `/api/v1/auth`: sessions, and what callers may know of themselves. Nothing of it may be kept by caches.

mod account;
mod cookies;
mod desk;
mod sessions;
mod tokens;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{delete, get, post};

use crate::domain::Sessions;
use crate::http::Problem;

/// The API of sessions; without a database it answers that it has none.
pub(super) fn router(sessions: Option<Sessions>) -> Router {
    Router::new()
        .route("/api/v1/auth/login", post(tokens::log_in))
        .route("/api/v1/auth/refresh", post(tokens::refresh))
        .route("/api/v1/auth/logout", post(tokens::log_out))
        .route("/api/v1/auth/validate", post(account::validate))
        .route("/api/v1/auth/me", get(account::me))
        .route("/api/v1/auth/permissions", get(account::permissions))
        .route("/api/v1/auth/sessions", get(sessions::list).delete(sessions::end_others))
        .route("/api/v1/auth/sessions/{id}", delete(sessions::end))
        .with_state(sessions)
        .layer(map_response(unkept))
}

async fn unkept(mut answer: Response) -> Response {
    // Problems say so themselves.
    if answer.extensions().get::<Problem>().is_none() {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}
