//! The operators' side: the admin API behind its token, and metrics and probes without one.

mod changes;
mod connections;
mod control;
mod health;
mod hosts;
mod live;
mod pools;
mod token;
mod views;

pub use control::{Control, Wish};
pub use live::{LastReload, Live, Override, Trigger};

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post, put};

use crate::config::{Admin, Secret};
use crate::error::Kind;
use crate::http::Problem;
use crate::tasks::Lifecycle;
use crate::telemetry::{Messages, Metrics};

/// What the operators' side shows and changes.
#[derive(Debug, Clone)]
pub struct View {
    /// What is in force.
    pub live: Arc<ArcSwap<Live>>,
    /// Where changes are asked for.
    pub control: Control,
    /// The life of the process.
    pub lifecycle: Lifecycle,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The messages for people.
    pub messages: Messages,
}

/// The admin API with what others add to it. Every call needs `Authorization: Bearer TOKEN`, sent to a host it is
/// known by.
pub fn router(view: View, token: Secret, settings: &Admin, more: Router) -> Router {
    Router::new()
        .route("/", get(views::index))
        .route("/config", get(views::config))
        .route("/routes", get(views::routes))
        .route("/upstreams", get(views::upstreams))
        .route(
            "/upstreams/{upstream}/endpoints/{endpoint}",
            put(changes::set_endpoint).delete(changes::clear_endpoint),
        )
        .route("/connections", get(connections::connections))
        .route("/overrides", get(changes::overrides))
        .route("/reload", post(changes::reload).get(changes::last_reload))
        .route("/log-level", put(changes::set_log_level))
        .route("/metrics", get(metrics))
        .merge(health::detailed())
        .with_state(view)
        .merge(more)
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(token, token::require))
        .layer(middleware::from_fn_with_state(hosts::Hosts::new(settings), hosts::require))
}

/// Metrics and probes for a listener without a token. Read-only.
pub fn open_router(view: View) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .merge(health::probes())
        .with_state(view)
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
}

/// `/livez`, `/readyz` and `/healthz` for public listeners: dependencies by name, no details.
pub fn health_router(view: View) -> Router {
    health::public().with_state(view).fallback(nothing).method_not_allowed_fallback(not_allowed)
}

async fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "nothing is served here")
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{method} is not served at {}", uri.path()))
}

async fn metrics(State(view): State<View>) -> impl IntoResponse {
    let mut seen = view.metrics.exposition();
    pools::write(&view.live.load().pools, Instant::now(), &mut seen);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], seen.into_text())
}
