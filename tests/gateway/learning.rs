//! What the pool makes of bad answers: tries elsewhere, keeps away from who fails, refuses what cannot succeed.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::process::Process;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

/// Two shops in turns, the first of which answers everything with this fault.
fn two_shops(fault: &str, upstream: &str) -> ([Process; 2], Gateway) {
    let shops = ["a", "b"].map(commerce);
    let entries = shops.each_ref().map(|shop| endpoint(shop.address()));
    let gateway = Gateway::start(&app(&entries, &format!("balance = \"wrr\"\n{upstream}"), ""));
    send("PUT", &shops[0].url("/faults"), &[], fault);
    (shops, gateway)
}

/// What the admin API says of the first endpoint.
fn first(gateway: &Gateway) -> Value {
    gateway.ask_admin("/upstreams").json()["app"]["endpoints"][0].take()
}

#[test]
fn a_503_is_tried_elsewhere_only_where_that_is_safe() {
    let (_shops, gateway) = two_shops("status=503", "outlier = { consecutive_failures = 0 }");
    let statuses: Vec<u16> = (0..4).map(|_| gateway.get("/api/products").status).collect();
    assert_eq!(statuses, [200; 4]);
    let mut statuses: Vec<u16> =
        (0..4).map(|_| send("POST", &gateway.url("/api/echo"), &[], "once").status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503]);
    assert_eq!(gateway.metric("olympus_upstream_retries_total", &["olympus_upstream=\"app\""]), 2.0);
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &["cause=\"status\""]), 4.0);
}

#[test]
fn a_retry_waits_for_its_place_in_the_budget_while_others_have_theirs() {
    let (shops, gateway) = two_shops("status=503", "outlier = { consecutive_failures = 0 }");
    send("PUT", &shops[1].url("/faults"), &[], "delay=20ms");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..12).map(|_| scope.spawn(|| gateway.get("/api/products").status)).collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 12], "six at a time, where three have a place");
    assert_eq!(gateway.metric("olympus_upstream_retry_budget_exhausted_total", &[]), 0.0);
}

#[test]
fn who_fails_in_a_row_is_left_alone_for_a_while_and_the_reason_is_shown() {
    let (shops, gateway) = two_shops("status=500", "outlier = { consecutive_failures = 3 }");
    let failed = (0..20).filter(|_| gateway.get("/api/products").status == 500).count();
    assert_eq!(failed, 3, "then it is ejected");
    let shown = first(&gateway);
    assert_eq!(shown["address"], shops[0].address().to_string());
    assert_eq!(shown["state"], "ejected", "{shown}");
    assert!(!shown["reason"].as_str().unwrap().is_empty(), "{shown}");
}

#[test]
fn a_pool_that_is_known_to_be_bad_answers_at_once() {
    let (shops, gateway) = two_shops(
        "status=503",
        "retry = { max_retries = 0 }\nbreaker = { min_requests = 5, open_for = \"60s\", window = \"1s\" }",
    );
    send("PUT", &shops[1].url("/faults"), &[], "status=503");
    let refused = until("the pool to be known as bad", || {
        let answer = gateway.get("/api/products");
        (answer.header("x-backend").is_empty()).then_some(answer)
    });
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("no_backend")));
    assert_ne!(refused.header("retry-after"), "");
    assert_eq!(gateway.line_for(&refused)["flag"], "UH");
}

#[test]
fn what_is_over_the_pools_limit_is_refused_at_once() {
    let shop = commerce("shop");
    let gateway = crate::before(shop.address(), "max_concurrency = 1", "");
    let mut busy = gateway.wire();
    busy.ask("GET", "/api/products", &["x-fault: hang"]);
    // Asking before would refuse the one that is to fill it.
    until("the pool is full", || (gateway.metric("olympus_upstream_in_flight", &[]) == 1.0).then_some(()));
    let refused = gateway.get("/api/products");
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("overloaded")));
    assert_eq!(gateway.line_for(&refused)["flag"], "UO");
}
