//! What a limit costs a request: counted in memory, refused there, told by Redis. The last needs `redis-server`, which
//! it starts itself; without it that part is left out.

use std::hint::black_box;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use olympus_gateway::config;
use olympus_gateway::limits::{Ask, Limiter, Rule, Subject};
use olympus_gateway::redis::Redis;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{LimitMetrics, RedisMetrics};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use ureq::http::HeaderMap;

criterion_group!(benches, local, shared);
criterion_main!(benches);

fn rules(rate: &str, burst: u32) -> [Arc<Rule>; 1] {
    let limit = json!({ "key": ["ip"], "rate": rate, "burst": burst });
    let limit: config::Limit = serde_json::from_value(limit).expect("settings");
    [Arc::new(Rule::new("default", &limit))]
}

fn subject(headers: &HeaderMap, number: u32) -> Subject<'_> {
    Subject { ip: number.to_be_bytes().into(), route: "a", headers, caller: None }
}

fn local(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits_local");
    let (headers, now) = (HeaderMap::new(), Instant::now());
    let limiter = Limiter::alone(LimitMetrics::new());
    let take = |rules: &[Arc<Rule>], number: u32, now: Instant| {
        let ask = Ask { rules, subject: subject(&headers, number), cost: None, now };
        limiter.take(&ask).now_or_never()
    };
    let wide = rules("1000000/s", 1_000_000_000);
    let mut number = 0_u32;
    group.bench_function("allowed", |bencher| {
        bencher.iter(|| take(&wide, 1, black_box(now + Duration::from_secs(1))));
    });
    group.bench_function("allowed, always another key", |bencher| {
        bencher.iter(|| {
            number = number.wrapping_add(1);
            take(&wide, number, black_box(now))
        });
    });
    let narrow = rules("1/h", 1);
    group.bench_function("refused", |bencher| {
        bencher.iter(|| take(&narrow, 1, black_box(now)));
    });
    group.finish();
}

/// A server that ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn server(port: u16) -> Option<Server> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--port", &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().ok().map(Server)
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}

fn connected(runtime: &Runtime, port: u16) -> Option<Limiter> {
    let lifecycle = Lifecycle::new(runtime.handle().clone());
    let settings = json!({ "urls": [format!("redis://127.0.0.1:{port}")] });
    let settings: config::Redis = serde_json::from_value(settings).expect("settings");
    let redis = Redis::start(&settings, &lifecycle, RedisMetrics::new()).expect("a client");
    let deadline = Instant::now() + Duration::from_secs(5);
    while !redis.is_up() && Instant::now() < deadline {
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
    }
    redis.is_up().then(|| Limiter::sharing(redis, &lifecycle, LimitMetrics::new()))
}

fn shared(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let port = free_port();
    let Some(server) = server(port) else { return };
    let Some(limiter) = connected(&runtime, port) else { return };
    let headers = HeaderMap::new();
    let mut group = criterion.benchmark_group("limits_redis");
    let take = |rules: &[Arc<Rule>]| {
        let ask = Ask { rules, subject: subject(&headers, 1), cost: None, now: Instant::now() };
        runtime.block_on(limiter.take(&ask))
    };
    let (wide, narrow) = (rules("1000000/s", 1_000_000_000), rules("1/h", 1));
    group.bench_function("allowed, one round trip", |bencher| bencher.iter(|| take(&wide)));
    take(&narrow);
    group.bench_function("refused, known", |bencher| bencher.iter(|| take(&narrow)));
    drop(server);
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
    group.bench_function("Redis is away", |bencher| bencher.iter(|| take(&wide)));
    group.finish();
}
