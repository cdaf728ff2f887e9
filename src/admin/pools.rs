//! The metrics of pools: read from them at each scrape, so that they cannot disagree with what decides.

use std::time::Instant;

use crate::telemetry::{ENDPOINT, Exposition, Measure, UPSTREAM};
use crate::upstream::{Endpoint, Pool, Pools, State};

/// A family of pools: its measure, name and help, and what it says of a pool.
type OfPool = (Measure, &'static str, &'static str, fn(&Pool) -> u64);
/// The same of an endpoint, at a moment.
type OfEndpoint = (Measure, &'static str, &'static str, fn(&Endpoint, Instant) -> u64);

const OF_POOLS: [OfPool; 3] = [
    (Measure::Gauge, "olympus_upstream_in_flight", "Requests the pool is working on.", |it| {
        it.active().into()
    }),
    (
        Measure::Counter,
        "olympus_upstream_refused_full_total",
        "Requests refused because the pool worked on `max_concurrency` of them.",
        Pool::refused_full,
    ),
    (
        Measure::Counter,
        "olympus_upstream_retry_budget_exhausted_total",
        "Retries not made because the pool's budget was spent for too long.",
        Pool::budget_exhausted,
    ),
];

const OF_ENDPOINTS: [OfEndpoint; 2] = [
    (
        Measure::Gauge,
        "olympus_upstream_endpoint_healthy",
        "1 while nothing speaks against the endpoint.",
        |it, now| it.verdict(now).state.is_good().into(),
    ),
    (
        Measure::Gauge,
        "olympus_upstream_endpoint_in_flight",
        "Requests the endpoint is working on.",
        |it, _| it.in_flight().into(),
    ),
];

/// Adds what pools and their endpoints know now.
pub(super) fn write(pools: &Pools, now: Instant, seen: &mut Exposition) {
    for (measure, name, help, read) in OF_POOLS {
        let mut family = seen.family(measure, name, help);
        for pool in pools.values() {
            family.sample(&[(UPSTREAM, &pool.name)], read(pool));
        }
    }
    for (measure, name, help, read) in OF_ENDPOINTS {
        let mut family = seen.family(measure, name, help);
        for (pool, endpoint) in endpoints(pools) {
            family.sample(&[(UPSTREAM, pool), (ENDPOINT, &endpoint.name)], read(endpoint, now));
        }
    }
    let mut family = seen.family(
        Measure::Counter,
        "olympus_upstream_endpoint_states_total",
        "How often an endpoint came into a state: ejections, moves of its breaker, recoveries.",
    );
    for (pool, endpoint) in endpoints(pools) {
        for state in State::ALL {
            let labels = [(UPSTREAM, pool), (ENDPOINT, &*endpoint.name), ("state", state.as_str())];
            family.sample(&labels, endpoint.entered(state));
        }
    }
}

/// Every endpoint, with the name of its pool.
fn endpoints(pools: &Pools) -> impl Iterator<Item = (&str, &Endpoint)> {
    pools.values().flat_map(|pool| pool.endpoints().iter().map(|endpoint| (&*pool.name, &**endpoint)))
}
