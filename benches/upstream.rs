//! How long a pool takes to choose an endpoint and to learn from an answer, by balancer and size.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use olympus_gateway::config::{Address, Endpoint, Upstream};
use olympus_gateway::upstream::{Demand, Failure, Outcome, Pick, Pool, Tried};

const SIZES: [u16; 3] = [3, 100, 1_000];
const BALANCERS: [&str; 6] = ["wrr", "least_request", "p2c", "peak_ewma", "random", "hash:ip"];
/// How many requests a breaker waits for before it judges.
const FAILURES_TO_OPEN: u32 = 20;

criterion_group!(benches, pick, report, breaker);
criterion_main!(benches);

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upstream_pick");
    for balance in BALANCERS {
        for size in SIZES {
            let (pool, now) = busy(balance, size);
            let mut random = 0_u64;
            group.bench_function(BenchmarkId::new(balance, size), |bencher| {
                bencher.iter(|| {
                    random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
                    choose(&pool, black_box(now), random)
                });
            });
        }
    }
    group.finish();
}

fn report(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upstream_report");
    let (pool, now) = busy("peak_ewma", 100);
    let pick = choose(&pool, now, 1);
    let latency = Duration::from_millis(5);
    let cases = [
        ("answered", Outcome::Answered { status: 200, latency, retry_after: None }),
        ("failed", Outcome::Failed { failure: Failure::Reset, latency }),
    ];
    for (name, outcome) in cases {
        let mut tick = 0_u32;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                tick = tick.wrapping_add(1);
                // A success between failures keeps the endpoint in.
                let outcome = if tick.is_multiple_of(3) { cases[0].1 } else { outcome };
                pool.report(&pick, black_box(outcome), now + Duration::from_micros(tick.into()))
            });
        });
    }
    group.finish();
}

/// What a breaker adds to a pick and its report, and how soon a pool says no while its own is open.
fn breaker(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upstream_breaker");
    let latency = Duration::from_millis(5);
    for scope in ["off", "endpoint", "pool"] {
        let (pool, now) = guarded(scope);
        group.bench_function(scope, |bencher| {
            bencher.iter(|| {
                let pick = choose(&pool, black_box(now), 1);
                let outcome = Outcome::Answered { status: 200, latency, retry_after: None };
                pool.report(&pick, outcome, now);
                pool.conclude(&pick, outcome, now);
            });
        });
    }
    let (pool, now) = guarded("pool");
    for _ in 0..FAILURES_TO_OPEN {
        let pick = choose(&pool, now, 1);
        let outcome = Outcome::Failed { failure: Failure::Reset, latency };
        pool.report(&pick, outcome, now);
        pool.conclude(&pick, outcome, now);
    }
    let demand = Demand { now, random: 1, key: None };
    group.bench_function("open", |bencher| {
        bencher.iter(|| pool.pick(&mut Tried::default(), black_box(&demand)).expect_err("an open breaker"));
    });
    group.finish();
}

/// A pool of three with a breaker of this scope.
fn guarded(scope: &str) -> (Pool, Instant) {
    let text = format!(
        r#"{{"endpoints": [{{"address": "10.0.0.1:1"}}, {{"address": "10.0.0.1:2"}}, {{"address": "10.0.0.1:3"}}],
            "outlier": {{"consecutive_failures": 0}},
            "breaker": {{"scope": "{scope}", "min_requests": {FAILURES_TO_OPEN}}}}}"#
    );
    let settings: Upstream = serde_json::from_str(&text).expect("settings");
    let now = Instant::now();
    (Pool::new("bench", &settings, now), now)
}

/// A pool in use: every endpoint is measured and works on something.
fn busy(balance: &str, size: u16) -> (Pool, Instant) {
    let endpoint = |port: u16| Endpoint {
        address: Address::Ip(([10, 0, 0, 1], port).into()),
        weight: 1 + u32::from(port % 3),
        priority: 0,
        set_by: None,
    };
    let text = format!(
        r#"{{"endpoints": [], "balance": "{balance}", "max_concurrency": 1000000,
            "outlier": {{"consecutive_failures": 0}}, "breaker": {{"min_requests": 1000000}}}}"#
    );
    let mut settings: Upstream = serde_json::from_str(&text).expect("settings");
    settings.endpoints = (1..=size).map(endpoint).collect();
    let now = Instant::now();
    let pool = Pool::new("bench", &settings, now);
    for random in 0..u64::from(size) * 8 {
        let pick = choose(&pool, now, random);
        let latency = Duration::from_micros(5_000 + random % 1_000);
        pool.report(&pick, Outcome::Answered { status: 200, latency, retry_after: None }, now);
        if random % 4 == 0 {
            std::mem::forget(pick);
        }
    }
    (pool, now + Duration::from_millis(3))
}

fn choose(pool: &Pool, now: Instant, random: u64) -> Pick {
    let demand = Demand { now, random, key: Some(random.rotate_left(17)) };
    pool.pick(&mut Tried::default(), &demand).expect("an endpoint")
}
