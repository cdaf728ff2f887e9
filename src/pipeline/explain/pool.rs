//! A pool and its endpoints, in the eyes of its balancer at this moment.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::upstream::{Cost, Pool, Standing};

/// The pool that would work on the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolFacts {
    /// Its name.
    pub name: String,
    /// How it chooses.
    pub balance: String,
    /// Requests in flight.
    pub active_requests: u32,
    /// As many as it takes.
    pub max_concurrency: u32,
    /// Seconds for which it refuses everything; `None` where it does not.
    pub refuses_for_seconds: Option<f64>,
    /// The word of its own breaker, where it has one.
    pub breaker: Option<String>,
    /// Its endpoints, in the order of the configuration.
    pub endpoints: Vec<EndpointFacts>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointFacts {
    /// Where it listens.
    pub address: String,
    /// Its weight, overrides included.
    pub weight: u32,
    /// Its tier.
    pub priority: u32,
    /// The word that picks go by.
    pub state: String,
    /// Why it is so; empty where nothing speaks against it.
    pub reason: String,
    /// What part it has.
    pub role: String,
    /// Percent of the requests by weight and slow start, before costs are compared.
    pub share_percent: f32,
    /// What the balancer compares, lower is better.
    pub cost: Option<String>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Seconds for which it asked to be left alone by `Retry-After`.
    pub paused_for_seconds: Option<f64>,
    /// Whether the request's key belongs to it, in a pool that hashes.
    pub owns_key: bool,
}

pub(super) fn pool_facts(pool: &Pool, key: Option<u64>, now: Instant) -> PoolFacts {
    let owner = key.and_then(|key| pool.owner(key, now));
    let owns = |standing: &Standing| owner.as_ref().is_some_and(|it| it.index == standing.endpoint.index);
    let endpoints = pool.standings(now);
    PoolFacts {
        name: pool.name.to_string(),
        balance: pool.settings.balance.to_string(),
        active_requests: pool.active(),
        max_concurrency: pool.settings.max_concurrency,
        refuses_for_seconds: pool
            .refuses_until(now)
            .map(|it| it.saturating_duration_since(now).as_secs_f64()),
        breaker: pool.breaker(now).map(str::to_owned),
        endpoints: endpoints.iter().map(|standing| endpoint_facts(standing, owns(standing), now)).collect(),
    }
}

fn endpoint_facts(standing: &Standing, owns_key: bool, now: Instant) -> EndpointFacts {
    let endpoint = &standing.endpoint;
    let (state, reason) = standing.state();
    EndpointFacts {
        address: endpoint.name.to_string(),
        weight: endpoint.weight,
        priority: endpoint.priority,
        state: state.to_owned(),
        reason,
        role: standing.role.as_str().to_owned(),
        share_percent: standing.share * 100.0,
        cost: standing.cost.map(cost),
        in_flight: endpoint.in_flight(),
        paused_for_seconds: endpoint.paused_for(now).map(|pause| pause.as_secs_f64()),
        owns_key,
    }
}

fn cost(cost: Cost) -> String {
    match cost {
        Cost::ExpectedMillis(millis) => format!("{millis:.3} ms expected"),
        Cost::Crowd(crowd) => format!("{crowd:.2} in flight for its weight"),
        Cost::InFlight(count) => format!("{count} in flight"),
    }
}
