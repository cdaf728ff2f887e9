//! How long the router takes to find a route, by the size of its table and by what the pattern is made of.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use olympus_gateway::pipeline::router::{Outcome, Request, Router, Rule};

const SIZES: [usize; 3] = [10, 1_000, 10_000];

criterion_group!(benches, route_match);
criterion_main!(benches);

fn route_match(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route_match");
    let headers = headers();
    for size in SIZES {
        let router = Router::new((0..size).map(rule).collect());
        let service = size / 2 / KINDS * KINDS;
        let cases = [
            ("literal", format!("/api/service{service}/health")),
            ("parameters", format!("/api/service{}/items/0190a5b2/parts/7", service + 1)),
            ("rest", format!("/api/service{}/static/css/site.css", service + 2)),
            ("by_header", format!("/api/service{}/beta", service + 3)),
            ("not_found", "/api/nowhere/at/all".to_owned()),
        ];
        for (name, path) in cases {
            assert_eq!(is_found(&router, &path, &headers), name != "not_found", "{path}");
            group.bench_with_input(BenchmarkId::new(name, size), &path, |bencher, path| {
                bencher.iter(|| is_found(&router, black_box(path), &headers));
            });
        }
    }
    group.finish();
}

/// A table has as many routes of each kind.
const KINDS: usize = 5;

fn rule(number: usize) -> Rule<usize> {
    let (path, host, required) = match number % KINDS {
        0 => (format!("/api/service{number}/health"), None, None),
        1 => (format!("/api/service{number}/items/{{item}}/parts/{{part}}"), None, None),
        2 => (format!("/api/service{number}/{{*rest}}"), None, None),
        3 => (format!("/api/service{number}/beta"), None, Some("x-beta")),
        _ => ("/{*rest}".to_owned(), Some(format!("shop{number}.example")), None),
    };
    Rule {
        name: format!("route{number}"),
        paths: vec![path.parse().expect("a pattern")],
        methods: vec![Method::GET, Method::POST],
        hosts: host.map(|host| host.parse().expect("a host")).into_iter().collect(),
        headers: required.map(|name| (HeaderName::from_static(name), None)).into_iter().collect(),
        target: number,
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (header::ACCEPT, HeaderValue::from_static("*/*")),
        (header::USER_AGENT, HeaderValue::from_static("bench")),
        (HeaderName::from_static("x-beta"), HeaderValue::from_static("1")),
    ])
}

fn is_found(router: &Router<usize>, path: &str, headers: &HeaderMap) -> bool {
    let request = Request { host: Some("www.shop.example:8080"), path, method: &Method::GET, headers };
    matches!(router.route(&request), Outcome::Found(_))
}
