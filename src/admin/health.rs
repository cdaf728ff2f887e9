//! Probes. `/livez` and `/readyz` speak of this process only: a shared dependency that is down must not take
//! every instance out of its balancer. `/healthz` speaks of the dependencies.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::View;
use crate::tasks::Phase;
use crate::upstream::Pool;

/// The probes, with dependencies by name.
pub(super) fn public() -> Router<View> {
    probes().route("/healthz", get(summary))
}

/// The probes, with details of dependencies.
pub(super) fn detailed() -> Router<View> {
    probes().route("/healthz", get(details))
}

/// The probes of this process.
pub(super) fn probes() -> Router<View> {
    Router::new().route("/livez", get(alive)).route("/readyz", get(ready))
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(State(view): State<View>) -> (StatusCode, &'static str) {
    match view.lifecycle.phase() {
        // The one that takes over serves at the same address.
        Phase::Serving | Phase::HandingOver => (StatusCode::OK, "ready\n"),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

/// How far a dependency can be used. The worst of all is how the gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Up,
    Degraded,
    Down,
}

#[derive(Debug, Serialize)]
struct Health<T> {
    status: Level,
    dependencies: BTreeMap<String, T>,
}

#[derive(Debug, Serialize)]
struct Details {
    status: Level,
    usable_endpoints: usize,
    endpoints: usize,
}

async fn summary(State(view): State<View>) -> Response {
    health(&view, |level, _| level)
}

async fn details(State(view): State<View>) -> Response {
    health(&view, |status, pool| {
        let (usable_endpoints, endpoints) = pool.usable(Instant::now());
        Details { status, usable_endpoints, endpoints }
    })
}

/// 503 only where a dependency cannot be used at all.
fn health<T: Serialize>(view: &View, describe: impl Fn(Level, &Pool) -> T) -> Response {
    let mut worst = Level::Up;
    let mut dependencies = BTreeMap::new();
    for (name, pool) in &view.live.load().pools {
        let level = level(pool);
        worst = worst.max(level);
        dependencies.insert(name.clone(), describe(level, pool));
    }
    let status = if worst == Level::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(Health { status: worst, dependencies })).into_response()
}

fn level(pool: &Pool) -> Level {
    match pool.usable(Instant::now()) {
        (0, _) => Level::Down,
        (usable, all) if usable < all => Level::Degraded,
        _ => Level::Up,
    }
}
