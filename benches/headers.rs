//! What the pipeline costs a proxied request in memory: admission, the headers put on it, those put on its answer.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use olympus_gateway::config::Settings;
use olympus_gateway::http::Connection;
use olympus_gateway::pipeline::{Locals, Pipeline, Snapshot};
use olympus_gateway::upstream::Pool;

const CONFIG: &str = r#"
version = 1
listeners.public.address = "127.0.0.1:8080"
upstreams.app.endpoints = [{ address = "127.0.0.1:9" }]
cors.shops.origins = ["https://*.shop.example"]
[routes.plain]
auth = "none"
path = "/plain/{*rest}"
upstream = "app"
[routes.rewritten]
auth = "none"
path = "/rewritten/{*rest}"
upstream = "app"
strip_prefix = "/rewritten"
[routes.edited]
auth = "none"
path = "/edited/{*rest}"
upstream = "app"
request = { remove = ["x-one"], set = { x-two = "2" }, add = { x-three = "3" } }
response = { remove = ["x-one"], set = { x-two = "2" }, add = { x-three = "3" } }
[routes.shared]
auth = "none"
path = "/shared/{*rest}"
upstream = "app"
cors = "shops"
"#;

criterion_group!(benches, headers);
criterion_main!(benches);

fn headers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("headers");
    let pipeline = pipeline();
    let connection = Connection { peer: Some(([203, 0, 113, 7], 40_000).into()), is_tls: false };
    for case in ["plain", "rewritten", "edited", "shared"] {
        let (head, answer) = (request(case), answer());
        group.bench_function(case, |bencher| {
            bencher.iter_batched_ref(
                || (head.clone(), answer.clone()),
                |(head, answer)| {
                    let (exchange, admission) =
                        pipeline.admit(black_box(head), connection).now_or_never().expect("an admission");
                    exchange.prepare(head);
                    exchange.finish(StatusCode::OK, answer);
                    admission
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn pipeline() -> Pipeline {
    let settings: Settings = toml::from_str(CONFIG).expect("settings");
    let pools: BTreeMap<_, _> = (settings.upstreams.iter())
        .map(|(name, upstream)| (name.clone(), Arc::new(Pool::new(name, upstream, Instant::now()))))
        .collect();
    Pipeline::new(Snapshot::compile(Arc::new(settings), &pools).expect("a snapshot"), Locals::default())
}

/// About what a browser sends.
fn request(case: &str) -> Parts {
    let request = Request::builder()
        .uri(format!("/{case}/products/0190a5b2?expand=prices"))
        .header(header::HOST, "www.shop.example")
        .header(header::ORIGIN, "https://www.shop.example")
        .header(header::USER_AGENT, "bench")
        .header(header::ACCEPT, "application/json")
        .header(header::ACCEPT_ENCODING, "gzip, br")
        .header(header::ACCEPT_LANGUAGE, "en")
        .header(header::COOKIE, "session=0190a5b2c3d4");
    request.body(()).expect("a request").into_parts().0
}

/// About what a backend answers.
fn answer() -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_LENGTH, HeaderValue::from_static("1024")),
        (header::SERVER, HeaderValue::from_static("backend")),
        (header::DATE, HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ])
}
