//! The operators' side: the admin API behind its token, metrics without one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::gateway::{ADMIN_TOKEN, Gateway};
use crate::support::http::{get, send};
use crate::support::wait::until;
use crate::{app, before, commerce, endpoint};

#[test]
fn every_call_of_the_admin_api_needs_the_token() {
    let gateway = Gateway::start("");
    let wrong = [
        None,
        Some("Bearer wrong".to_owned()),
        Some(format!("Basic {ADMIN_TOKEN}")),
        Some(format!("Bearer {ADMIN_TOKEN}x")),
    ];
    for path in ["/", "/config", "/routes", "/upstreams", "/metrics", "/healthz", "/livez", "/nowhere"] {
        for token in &wrong {
            let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
            let refused = send("GET", &gateway.admin_url(path), &headers, "");
            assert_eq!(
                (refused.status, refused.header("content-type")),
                (401, "application/problem+json"),
                "{path}"
            );
            assert!(refused.header("www-authenticate").starts_with("Bearer"), "{path}");
            assert_eq!(refused.json()["code"], "unauthenticated");
            assert!(!refused.body.contains(ADMIN_TOKEN));
        }
        assert_eq!(gateway.ask_admin(path).status, if path == "/nowhere" { 404 } else { 200 });
    }
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    for path in ["/config", "/config?origin=true"] {
        let shown = gateway.ask_admin(path).body;
        assert!(!shown.contains(ADMIN_TOKEN), "{shown}");
        assert!(
            shown.contains(&shop.address().to_string()) && shown.contains("try_timeout = \"2s\""),
            "{shown}"
        );
        assert_eq!(shown.contains("gateway.toml:"), path != "/config");
    }
    let routes = gateway.ask_admin("/routes").json();
    let app = routes.as_array().unwrap().iter().find(|route| route["name"] == "app").unwrap();
    assert_eq!((&app["paths"], &app["upstream"]), (&json!(["/api/{*rest}"]), &json!("app")));
    assert!(app["source"].as_str().unwrap().contains("gateway.toml:"), "{app}");
}

#[test]
fn upstreams_show_what_is_known_of_each_endpoint() {
    let (shop, other) = (commerce("shop"), commerce("other"));
    let checks =
        r#"health = { path = "/healthz", interval = "60ms", timeout = "50ms", unhealthy_after = 2 }"#;
    let gateway = Gateway::start(&app(&[endpoint(shop.address()), endpoint(other.address())], checks, ""));
    gateway.get("/api/products");
    let address = other.address().to_string();
    other.kill();
    let pool = || gateway.ask_admin("/upstreams").json()["app"].take();
    until("the death is noticed", || (pool()["endpoints"][1]["state"] == "unhealthy").then_some(()));
    let pool = pool();
    assert_eq!((&pool["usable_endpoints"], &pool["endpoints"][0]["state"]), (&json!(1), &json!("healthy")));
    assert_eq!(pool["endpoints"][1]["address"], address);
    assert_ne!(pool["endpoints"][1]["reason"], "");
    let answered: u64 =
        [0, 1].iter().map(|&index: &usize| pool["endpoints"][index]["answered"].as_u64().unwrap()).sum();
    assert_eq!(answered, 1);

    let label = [format!("server_address=\"{address}\"")];
    assert_eq!(gateway.metric("olympus_upstream_endpoint_healthy", &[&label[0]]), 0.0);
    assert_eq!(gateway.get("/healthz").json()["dependencies"]["app"], "degraded");
    let details = gateway.ask_admin("/healthz").json();
    assert_eq!(
        details["dependencies"]["app"],
        json!({ "status": "degraded", "usable_endpoints": 1, "endpoints": 2 })
    );
    gateway
        .messages
        .find("the change", |line| line.contains("endpoint is unhealthy") && line.contains(&address));
}

/// Samples by name with their labels; fails on a line that is none.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            assert!(name.chars().all(is_plain) && series.contains('{') == series.ends_with('}'), "{line}");
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        })
        .collect()
}

#[test]
fn metrics_are_prometheus_text_with_the_promised_names() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    gateway.get("/api/products");
    gateway.get("/nowhere");
    let answer = get(&gateway.metrics_url("/metrics"));
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let samples = samples(&answer.body);
    let names = [
        "http_server_request_duration_seconds_bucket",
        "http_server_request_duration_seconds_sum",
        "http_server_active_requests",
        "http_client_request_duration_seconds_count",
        "olympus_upstream_endpoint_healthy",
        "olympus_upstream_endpoint_in_flight",
        "olympus_access_log_dropped_total",
        "olympus_build_info",
        "process_resident_memory_bytes",
    ];
    for name in names {
        assert!(
            samples.keys().any(|series| series.split('{').next() == Some(name)),
            "{name}: {}",
            answer.body
        );
    }
    let requests = "http_server_request_duration_seconds_count";
    assert_eq!(
        gateway.metric(requests, &["olympus_route=\"app\"", "http_route=\"/api/{*rest}\"", "\"200\""]),
        1.0
    );
    assert_eq!(gateway.metric(requests, &["olympus_route=\"\"", "\"404\""]), 1.0);
    assert_eq!(samples["http_server_active_requests"], 0.0);
}

#[test]
fn the_metrics_listener_is_open_and_read_only() {
    let gateway = Gateway::start("");
    for (path, status) in
        [("/metrics", 200), ("/livez", 200), ("/readyz", 200), ("/config", 404), ("/healthz", 404)]
    {
        assert_eq!(get(&gateway.metrics_url(path)).status, status, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let refused = send(method, &gateway.metrics_url("/metrics"), &[], "");
        assert_eq!(
            (refused.status, refused.header("content-type")),
            (405, "application/problem+json"),
            "{method}"
        );
        assert!(refused.header("allow").contains("GET"));
    }
}

#[test]
fn open_connections_are_listed_with_the_oldest_first() {
    let gateway = Gateway::start("");
    let mut first = gateway.wire();
    let answer = first.get("/api/v1/status", &[]);
    assert_eq!(answer.status, 200);
    let second = gateway.wire();
    let list = |query: &str| gateway.ask_admin(&format!("/connections?listener=public&{query}")).json();
    let shown = until("both are listed", || {
        let shown = list("client=127.0.0.1");
        // What the test asked whether the gateway is up by may still be closing.
        let is_there = |it: &Value| it["requests"] == 1 && it["state"] == "idle";
        let all = shown["connections"].as_array().unwrap();
        (all.len() == 2 && is_there(&all[0]) && all[1]["requests"] == 0).then_some(shown)
    });
    assert_eq!(shown["total"], 2);
    let oldest = &shown["connections"][0];
    assert_eq!((&oldest["protocol"], &oldest["tls"]), (&json!("HTTP/1.1"), &json!(false)));
    let client = oldest["client"].as_str().unwrap();
    assert!(client.starts_with("127.0.0.1:"), "{client}");
    assert!(oldest["open_seconds"].as_f64() > shown["connections"][1]["open_seconds"].as_f64());
    let one = list("limit=1");
    assert_eq!((&one["total"], one["connections"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(list("client=192.0.2.1")["total"], 0);
    assert_eq!(gateway.ask_admin("/connections?limt=1").status, 400);
    drop((first, second));
    until("they are gone", || (list("")["total"] == 0).then_some(()));
}
