//! What operators look at: the configuration in force, the routes, the pools and what they know.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::View;
use crate::config::{Local, Origins, Route};
use crate::upstream::{Endpoint, Failure};

pub(super) async fn index() -> Json<BTreeMap<&'static str, &'static str>> {
    Json(BTreeMap::from([
        ("/config", "the configuration in force; ?origin=true says where each value comes from"),
        ("/routes", "the routes, as configured"),
        ("/upstreams", "the pools and what they know of their endpoints"),
        ("/metrics", "Prometheus metrics"),
        ("/healthz", "dependencies with details"),
        ("/livez", "whether the process lives"),
        ("/readyz", "whether it takes requests"),
    ]))
}

#[derive(Debug, Deserialize)]
pub(super) struct Show {
    #[serde(default)]
    origin: bool,
}

/// The effective configuration as TOML, secrets redacted.
pub(super) async fn config(State(view): State<View>, Query(show): Query<Show>) -> impl IntoResponse {
    let origins = if show.origin { Origins::Shown } else { Origins::Hidden };
    ([(CONTENT_TYPE, "application/toml; charset=utf-8")], view.loaded.effective(origins))
}

#[derive(Debug, Serialize)]
pub(super) struct RouteView {
    name: String,
    paths: Vec<String>,
    methods: Vec<String>,
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<Local>,
    source: String,
}

pub(super) async fn routes(State(view): State<View>) -> Json<Vec<RouteView>> {
    let routes = &view.loaded.settings.routes;
    Json(routes.iter().map(|(name, route)| route_view(&view, name, route)).collect())
}

fn route_view(view: &View, name: &str, route: &Route) -> RouteView {
    RouteView {
        name: name.to_owned(),
        paths: route.path.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        methods: route.methods.iter().map(|method| method.as_str().to_owned()).collect(),
        hosts: route.hosts.iter().map(ToString::to_string).collect(),
        upstream: route.upstream.clone(),
        local: route.local,
        source: view.loaded.origin_of(&format!("routes.{name}")).to_string(),
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EndpointView {
    address: String,
    weight: u32,
    priority: u32,
    state: &'static str,
    reason: String,
    for_seconds: u64,
    in_flight: u32,
    answered: u64,
    failed: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct PoolView {
    usable_endpoints: usize,
    endpoints: Vec<EndpointView>,
}

pub(super) async fn upstreams(State(view): State<View>) -> Json<BTreeMap<String, PoolView>> {
    let now = Instant::now();
    let pools = view.pools.iter().map(|(name, pool)| {
        let endpoints = pool.endpoints().iter().map(|endpoint| endpoint_view(endpoint, now)).collect();
        (name.clone(), PoolView { usable_endpoints: pool.usable().0, endpoints })
    });
    Json(pools.collect())
}

fn endpoint_view(endpoint: &Endpoint, now: Instant) -> EndpointView {
    let health = endpoint.health();
    let failed = Failure::ALL.map(|failure| (failure.as_str(), endpoint.failed(failure)));
    EndpointView {
        address: endpoint.name.to_string(),
        weight: endpoint.weight,
        priority: endpoint.priority,
        state: health.state.as_str(),
        reason: health.reason,
        for_seconds: now.saturating_duration_since(health.since).as_secs(),
        in_flight: endpoint.in_flight(),
        answered: endpoint.answered(),
        failed: failed.into_iter().filter(|(_, count)| *count > 0).collect(),
    }
}
