//! Choosing an endpoint and learning from its answer are on the way of every request: neither allocates. A limit makes
//! one list.
//! A program of its own, because what counts allocations is the allocator of the whole program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use olympus_gateway::config::Upstream;
use olympus_gateway::limits::{Ask, Limiter, Rule, Subject};
use olympus_gateway::telemetry::LimitMetrics;
use olympus_gateway::upstream::{Demand, Failure, Outcome, Pool, Tried};
use ureq::http::HeaderMap;

/// Requests that are counted, each chosen for and answered.
const REQUESTS: u64 = 1_000;

fn pool(balance: &str, now: Instant) -> Pool {
    let endpoints: Vec<_> =
        (1..=100).map(|port| serde_json::json!({ "address": format!("127.0.0.1:{port}") })).collect();
    let settings = serde_json::json!({ "endpoints": endpoints, "balance": balance });
    let settings: Upstream = serde_json::from_value(settings).expect("settings");
    Pool::new("pool", &settings, now)
}

/// Chooses and reports for so many requests, one of seven of which fails.
fn work(pool: &Pool, now: Instant, requests: std::ops::Range<u64>) {
    for number in requests {
        let now = now + Duration::from_millis(number);
        let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let demand = Demand { now, random, key: Some(random) };
        let pick = pool.pick(&mut Tried::default(), &demand).expect("a pick");
        let latency = Duration::from_millis(5);
        let outcome = match number.is_multiple_of(7) {
            true => Outcome::Failed { failure: Failure::Reset, latency },
            false => Outcome::Answered { status: 200, latency, retry_after: None },
        };
        pool.report(&pick, outcome, now);
    }
}

#[test]
fn neither_a_pick_nor_a_report_allocates() {
    for balance in ["wrr", "least_request", "p2c", "peak_ewma", "random", "hash:ip"] {
        let now = Instant::now();
        let pool = pool(balance, now);
        // What is made once for each thread is made here.
        work(&pool, now, 0..REQUESTS);
        let counted = allocation_counter::measure(|| work(&pool, now, REQUESTS..2 * REQUESTS));
        assert_eq!(counted.count_total, 0, "{balance}: {counted:?}");
    }
}

#[test]
fn a_limit_in_memory_allocates_only_the_list_of_what_it_says() {
    let limit = serde_json::json!({ "key": ["ip", "route"], "rate": "1000/s", "burst": 10 });
    let rules = [Arc::new(Rule::new("default", &serde_json::from_value(limit).expect("settings")))];
    let (limiter, headers) = (Limiter::alone(LimitMetrics::new()), HeaderMap::new());
    let take = |number: u64| {
        let ip = [10, 0, 0, (number % 7) as u8].into();
        let subject = Subject { ip, route: "a", headers: &headers, caller: None };
        let ask = Ask { rules: &rules, subject, cost: None, now: Instant::now() };
        drop(limiter.take(&ask).now_or_never().expect("nothing to wait for"));
    };
    // The table and the counters are made at the first use.
    take(0);
    let counted = allocation_counter::measure(|| (0..REQUESTS).for_each(take));
    assert_eq!(counted.count_total, REQUESTS, "{counted:?}");
}

#[test]
fn what_allocates_is_counted() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 100]))).count_total > 0);
}
