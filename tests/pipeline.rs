//! The pipeline in memory: who answers which request, and with which headers, before any socket is involved.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::FutureExt;
use olympus_gateway::config::Settings;
use olympus_gateway::http::Connection;
use olympus_gateway::pipeline::{Admission, Exchange, Locals, Pipeline, Snapshot};
use olympus_gateway::upstream::Pool;
use ureq::http::request::Parts;
use ureq::http::{HeaderMap, Request, Version};

const CONFIG: &str = r#"
version = 1
listeners = { public = { address = "127.0.0.1:8080" } }
upstreams = { app = { endpoints = [{ address = "127.0.0.1:9" }] }, special = { endpoints = [{ address = "127.0.0.1:9" }] } }
cors = { shops = { origins = ["https://shop.example"], credentials = true } }
[routes.app]
auth = "none"
path = "/app/{*rest}"
upstream = "app"
strip_prefix = "/app"
max_body = "1kb"
cors = "shops"
[routes.read]
auth = "none"
path = "/app/read/{id}"
methods = ["GET"]
upstream = "special"
cors = "shops"
[routes.write]
auth = "none"
path = ["/things", "/things/{id}"]
methods = ["POST", "DELETE"]
upstream = "special"
cors = "shops"
[routes.host]
auth = "none"
path = "/things"
hosts = ["*.shop.example"]
upstream = "app"
[routes.local]
auth = "none"
path = "/api/v1/{*rest}"
local = "status"
[routes.moved]
auth = "none"
path = "/moved/{*rest}"
upstream = "app"
add_prefix = "/v2"
[routes.asked]
auth = "none"
path = "/asked"
methods = ["GET", "OPTIONS"]
upstream = "app"
"#;

fn pipeline() -> Pipeline {
    let settings: Settings = toml::from_str(CONFIG).unwrap();
    let pools = settings.upstreams.iter();
    let pools: BTreeMap<_, _> = pools
        .map(|(name, upstream)| (name.clone(), Arc::new(Pool::new(name, upstream, Instant::now()))))
        .collect();
    let status = Router::new().route("/api/v1/hello", get(async || "hello"));
    let snapshot = Snapshot::compile(Arc::new(settings), &pools).unwrap();
    Pipeline::new(snapshot, Locals { status, ..Locals::default() })
}

/// Header lines of a request.
type Headers<'a> = &'a [(&'a str, &'a str)];

const CONNECTION: Connection = Connection { peer: None, is_tls: false };

/// A request's head from `METHOD PATH` and header lines.
fn head(request: &str, headers: Headers<'_>) -> Parts {
    let (method, target) = request.split_once(' ').unwrap();
    let mut builder = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", "test");
    }
    builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(()).unwrap().into_parts().0
}

/// What became of a request, in a word or two, and the headers of the answer if there is one.
fn admit(pipeline: &Pipeline, head: &Parts) -> (String, HeaderMap, Exchange) {
    let (exchange, admission) = pipeline.admit(head, CONNECTION).now_or_never().unwrap();
    let (word, headers) = match admission {
        Admission::Proxy(pool) => (format!("proxy {}", pool.name), HeaderMap::new()),
        Admission::Local(local) => (format!("local {local:?}"), HeaderMap::new()),
        Admission::Answer(answer) => {
            let code = serde_json::from_slice::<serde_json::Value>(answer.body()).ok();
            let code = code.and_then(|it| Some(it.get("code")?.as_str()?.to_owned())).unwrap_or_default();
            (format!("{} {code}", answer.status().as_u16()).trim().to_owned(), answer.headers().clone())
        }
    };
    (word, headers, exchange)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn each_request_has_one_who_answers_it() {
    let pipeline = pipeline();
    let shop = [("host", "de.shop.example")];
    let long = [("content-length", "1025")];
    let cases: [(&str, Headers<'_>, &str); 20] = [
        ("GET /app/x", &[], "proxy app"),
        ("GET /app/read/1", &[], "proxy special"),
        ("HEAD /app/read/1", &[], "proxy special"),
        ("POST /app/read/1", &[], "proxy app"),
        ("GET /app/read/1/2", &[], "proxy app"),
        ("GET /app//read/./1", &[], "proxy special"),
        ("POST /things", &[], "proxy special"),
        ("GET /things", &[], "405 method_not_allowed"),
        ("GET /things", &shop, "proxy app"),
        ("GET /things/", &[], "404 route_not_found"),
        ("GET /nowhere", &[], "404 route_not_found"),
        ("GET /", &[], "404 route_not_found"),
        ("GET /app/a%2Fb", &[], "400 invalid_path"),
        ("GET /../app/x", &[], "400 invalid_path"),
        ("GET /app/%4", &[], "400 invalid_path"),
        ("POST /app/x", &long, "413 body_too_large"),
        ("POST /things", &long, "proxy special"),
        ("GET /api/v1/hello", &[], "local Status"),
        ("OPTIONS /things", &[], "204"),
        ("OPTIONS /asked", &[], "proxy app"),
    ];
    for (request, headers, expected) in cases {
        assert_eq!(admit(&pipeline, &head(request, headers)).0, expected, "{request} {headers:?}");
    }
}

#[test]
fn a_path_that_cannot_be_passed_on_with_its_prefix_is_refused() {
    let pipeline = pipeline();
    let long = |length| format!("GET /moved/{}", "a".repeat(length - "/moved/".len()));
    assert_eq!(admit(&pipeline, &head(&long(65_531), &[])).0, "proxy app");
    assert_eq!(admit(&pipeline, &head(&long(65_532), &[])).0, "400 invalid_path");
}

#[test]
fn options_may_ask_about_no_resource() {
    let pipeline = pipeline();
    let (word, headers, _) = admit(&pipeline, &head("OPTIONS *", &[]));
    assert_eq!(
        (word.as_str(), text(&headers, "allow")),
        ("204", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
    );
    assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
    assert_eq!(admit(&pipeline, &head("GET *", &[])).0, "400 invalid_path");
    assert_eq!(admit(&pipeline, &head("OPTIONS *", &[("host", "a b")])).0, "400 invalid_host");
}

#[test]
fn a_request_names_one_host() {
    let pipeline = pipeline();
    let word = |head: &Parts| admit(&pipeline, head).0;
    for host in ["", "a b", "a/b", "a@b", "a\\b", "a?b", "\u{e9}"] {
        let mut wrong = head("GET /app/x", &[]);
        let value = ureq::http::HeaderValue::from_bytes(host.as_bytes()).unwrap();
        wrong.headers.insert("host", value);
        assert_eq!(word(&wrong), "400 invalid_host", "{host}");
    }
    assert_eq!(word(&head("GET /app/x", &[("host", "a"), ("host", "b")])), "400 invalid_host");
    for host in ["shop.example:8080", "[::1]:8080", "xn--caf-dma.example"] {
        assert_eq!(word(&head("GET /app/x", &[("host", host)])), "proxy app", "{host}");
    }
    for (version, expected) in [
        (Version::HTTP_10, "proxy app"),
        (Version::HTTP_11, "400 invalid_host"),
        (Version::HTTP_2, "proxy app"),
    ] {
        let mut none = head("GET /app/x", &[]);
        none.headers.remove("host");
        none.version = version;
        assert_eq!(word(&none), expected, "{version:?}");
    }
}

#[test]
fn refusals_and_options_say_what_a_resource_allows() {
    let pipeline = pipeline();
    let cases = [
        ("GET /things", "DELETE, OPTIONS, POST"),
        ("OPTIONS /things", "DELETE, OPTIONS, POST"),
        ("OPTIONS /app/read/1", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    ];
    for (request, allow) in cases {
        assert_eq!(text(&admit(&pipeline, &head(request, &[])).1, "allow"), allow, "{request}");
    }
    for path in ["/nowhere", "/app/a%2Fb"] {
        assert_eq!(text(&admit(&pipeline, &head(&format!("GET {path}"), &[])).1, "allow"), "", "{path}");
    }
}

#[test]
fn a_preflight_speaks_for_the_route_of_the_actual_request() {
    let pipeline = pipeline();
    let ask = |path: &str, origin: &str, method: &str| {
        let headers = [("origin", origin), ("access-control-request-method", method)];
        let (word, headers, _) = admit(&pipeline, &head(&format!("OPTIONS {path}"), &headers));
        (
            word,
            text(&headers, "access-control-allow-origin").to_owned(),
            text(&headers, "access-control-allow-methods").to_owned(),
        )
    };
    let told =
        |word: &str, origin: &str, methods: &str| (word.to_owned(), origin.to_owned(), methods.to_owned());
    let shop = "https://shop.example";
    assert_eq!(ask("/things/1", shop, "DELETE"), told("204", shop, "POST, DELETE"));
    assert_eq!(ask("/things/1", "https://evil.example", "DELETE"), told("204", "", ""));
    assert_eq!(ask("/app/read/1", shop, "GET"), told("204", shop, "GET"));
    assert_eq!(ask("/app/read/1", shop, "PUT"), told("204", shop, "GET, HEAD, POST, PUT, PATCH, DELETE"));
    assert_eq!(ask("/nowhere", shop, "GET").0, "404 route_not_found");
    assert_eq!(ask("/asked", shop, "GET").0, "proxy app", "no policy: the backend decides");
}

#[test]
fn errors_of_a_route_with_a_policy_can_be_read_by_its_pages() {
    let pipeline = pipeline();
    let cases: [(&str, &str, Headers<'_>); 3] = [
        ("405", "GET /things", &[]),
        ("413", "POST /app/x", &[("content-length", "2000")]),
        ("204", "OPTIONS /things", &[]),
    ];
    for (status, request, more) in cases {
        let headers = [&[("origin", "https://shop.example")], more].concat();
        let (word, headers, _) = admit(&pipeline, &head(request, &headers));
        assert!(word.starts_with(status), "{word}");
        assert_eq!(text(&headers, "access-control-allow-origin"), "https://shop.example", "{request}");
        assert_eq!(text(&headers, "vary"), "Origin");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_local_answer_has_the_headers_of_every_answer() {
    let pipeline = pipeline();
    let head = head("GET /api/v1/hello", &[("x-request-id", "from-the-client")]);
    let (exchange, admission) = pipeline.admit(&head, CONNECTION).now_or_never().unwrap();
    let Admission::Local(local) = admission else { panic!("{admission:?}") };
    let request = Request::from_parts(head, Body::empty());
    let answer = pipeline.serve(&exchange, local, request).await;
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(text(answer.headers(), "x-request-id"), "from-the-client");
    assert_eq!(text(answer.headers(), "x-content-type-options"), "nosniff");
}
