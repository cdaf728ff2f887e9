//! `/api/v1/auth`: sessions, and what callers may know of themselves. Nothing of it may be kept by caches.

mod account;
mod cookies;
mod desk;
mod sessions;
mod shown;
mod tokens;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::Sessions;
use crate::http::Problem;

/// The API of sessions; without a database it answers that it has none.
pub(super) fn router(sessions: Option<Sessions>) -> Router {
    Router::from(routes().with_state(sessions)).layer(map_response(unkept))
}

pub(super) fn routes() -> OpenApiRouter<Option<Sessions>> {
    OpenApiRouter::new()
        .routes(routes!(tokens::log_in))
        .routes(routes!(tokens::refresh))
        .routes(routes!(tokens::log_out))
        .routes(routes!(account::validate))
        .routes(routes!(account::me))
        .routes(routes!(account::permissions))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
}

async fn unkept(mut answer: Response) -> Response {
    // Problems say so themselves.
    if answer.extensions().get::<Problem>().is_none() {
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}
