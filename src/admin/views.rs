//! What operators look at: the configuration in force, the routes, the pools and what they know.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::View;
use crate::config::{Loaded, Local, Origins, Route, Share};
use crate::upstream::{Failure, Pool, Standing, State as EndpointState};

pub(super) async fn index() -> Json<BTreeMap<&'static str, &'static str>> {
    Json(BTreeMap::from([
        ("/config", "the configuration in force; ?origin=true says where each value comes from"),
        (
            "/connections",
            "client connections that are open, the oldest first; ?listener=NAME&client=ADDRESS&limit=100",
        ),
        (
            "/explain",
            "?method=GET&url=/path&header=name:value&client=ADDRESS: what would happen to a request, and why",
        ),
        ("/log-level", "PUT {\"level\": \"debug\"}: write other messages for a while"),
        ("/overrides", "weights and drains set by operators"),
        ("/reload", "POST: read the configuration again; GET: what came of the last time"),
        ("/routes", "the routes, as configured"),
        ("/upstreams", "the pools and what they know of their endpoints"),
        (
            "/upstreams/{name}/endpoints/{address}",
            "PUT {\"drain\": true} or {\"weight\": 5}, with \"expires_in\" and \"note\"; DELETE",
        ),
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
    ([(CONTENT_TYPE, "application/toml; charset=utf-8")], view.live.load().loaded.effective(origins))
}

#[derive(Debug, Serialize)]
pub(super) struct RouteView {
    name: String,
    paths: Vec<String>,
    methods: Vec<String>,
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    split: Vec<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<Local>,
    source: String,
}

pub(super) async fn routes(State(view): State<View>) -> Json<Vec<RouteView>> {
    let loaded = &view.live.load().loaded;
    Json(loaded.settings.routes.iter().map(|(name, route)| route_view(loaded, name, route)).collect())
}

fn route_view(loaded: &Loaded, name: &str, route: &Route) -> RouteView {
    RouteView {
        name: name.to_owned(),
        paths: route.path.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        methods: route.methods.iter().map(|method| method.as_str().to_owned()).collect(),
        hosts: route.hosts.iter().map(ToString::to_string).collect(),
        upstream: route.upstream.clone(),
        split: route.split.clone(),
        local: route.local,
        source: loaded.origin_of(&format!("routes.{name}")).to_string(),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_in_seconds: Option<u64>,
    takes_traffic: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_for_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    in_flight: u32,
    answered: u64,
    failed: BTreeMap<&'static str, u64>,
    entered: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct PoolView {
    usable_endpoints: usize,
    active_requests: u32,
    refused_full: u64,
    retry_budget_exhausted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuses_for_seconds: Option<f64>,
    endpoints: Vec<EndpointView>,
}

pub(super) async fn upstreams(State(view): State<View>) -> Json<BTreeMap<String, PoolView>> {
    let now = Instant::now();
    let live = view.live.load();
    let pools = live.pools.iter().map(|(name, pool)| (name.clone(), pool_view(pool, now)));
    Json(pools.collect())
}

fn pool_view(pool: &Pool, now: Instant) -> PoolView {
    PoolView {
        usable_endpoints: pool.usable(now).0,
        active_requests: pool.active(),
        refused_full: pool.refused_full(),
        retry_budget_exhausted: pool.budget_exhausted(),
        breaker: pool.breaker(now),
        refuses_for_seconds: pool
            .refuses_until(now)
            .map(|it| it.saturating_duration_since(now).as_secs_f64()),
        endpoints: pool.standings(now).iter().map(|standing| endpoint_view(standing, now)).collect(),
    }
}

fn endpoint_view(standing: &Standing, now: Instant) -> EndpointView {
    let Standing { endpoint, verdict, role, .. } = standing;
    let (state, reason) = standing.state();
    let entered = EndpointState::ALL.map(|state| (state.as_str(), endpoint.entered(state)));
    let failed = Failure::ALL.map(|failure| (failure.as_str(), endpoint.failed(failure)));
    let failed = failed.into_iter().chain([("status", endpoint.failed_by_status())]);
    EndpointView {
        address: endpoint.name.to_string(),
        weight: endpoint.weight,
        priority: endpoint.priority,
        state,
        reason,
        for_seconds: now.saturating_duration_since(verdict.since).as_secs(),
        changes_in_seconds: verdict.until.map(|until| until.saturating_duration_since(now).as_secs()),
        takes_traffic: role.takes_requests(),
        paused_for_seconds: endpoint.paused_for(now).map(|pause| pause.as_secs_f64()),
        latency_ms: endpoint.latency(now).map(|latency| latency.as_secs_f64() * 1e3),
        in_flight: endpoint.in_flight(),
        answered: endpoint.answered(),
        failed: failed.filter(|(_, count)| *count > 0).collect(),
        entered: entered.into_iter().filter(|(_, count)| *count > 0).collect(),
    }
}
