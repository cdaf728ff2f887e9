//! Splits: a part of a route's requests goes to another pool, the same caller always to the same.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::wait::until;
use crate::{commerce, endpoint};

/// Two pools behind one route, of which `next` gets so many percent.
fn config(stable: SocketAddr, next: SocketAddr, percent: u32) -> String {
    format!(
        r#"
[upstreams.stable]
endpoints = [{}]
[upstreams.next]
endpoints = [{}]
[routes.app]
path = "/api/{{*rest}}"
upstream = "stable"
strip_prefix = "/api"
split = [{{ upstream = "next", percent = {percent} }}]
split_by = "header:x-user"
"#,
        endpoint(stable),
        endpoint(next)
    )
}

/// The pools that a hundred users come to, by the access log.
fn pools(gateway: &Gateway) -> Vec<String> {
    let mut client = gateway.wire();
    let ask = |number| {
        let answer = client.get("/api/products", &[&format!("x-user: {number}")]);
        assert_eq!(answer.status, 200);
        gateway.line_for(&answer)["upstream"].as_str().unwrap().to_owned()
    };
    (0..100).map(ask).collect()
}

#[test]
fn the_same_user_comes_to_the_same_pool_and_a_reload_moves_the_border() {
    let (stable, next) = (commerce("stable"), commerce("next"));
    let gateway = Gateway::start(&config(stable.address(), next.address(), 20));
    let first = pools(&gateway);
    let early: Vec<_> = (0..100).filter(|user| first[*user] == "next").collect();
    assert!((5..40).contains(&early.len()), "{early:?}");
    assert_eq!(pools(&gateway), first);
    assert!(
        gateway.metric("http_client_request_duration_seconds_count", &["olympus_upstream=\"next\""]) > 0.0
    );

    gateway.write_config(&config(stable.address(), next.address(), 60));
    gateway.signal("HUP");
    let more = until("more users are in", || {
        let now = pools(&gateway);
        (now != first).then_some(now)
    });
    assert!(early.iter().all(|user| more[*user] == "next"), "who was in stays in");
    assert!(more.iter().filter(|pool| *pool == "next").count() > early.len());
}

#[test]
fn explain_and_the_admin_api_tell_the_parts() {
    let (stable, next) = (commerce("stable"), commerce("next"));
    let gateway = Gateway::start(&config(stable.address(), next.address(), 100));
    let told = gateway.ask_admin("/explain?url=/api/products&header=x-user:7").json();
    let split = &told["split"];
    assert_eq!((&split["upstream"], &split["by"]), (&json!("next"), &json!("header:x-user")));
    assert!(split["reason"].as_str().unwrap().starts_with("its header:x-user falls on "), "{split}");
    let parts = json!([{ "upstream": "next", "percent": 100.0 }, { "upstream": "stable", "percent": 0.0 }]);
    assert_eq!((&split["parts"], &told["pool"]["name"]), (&parts, &json!("next")));
    let told = gateway.ask_admin("/explain?url=/api/products").json();
    assert_eq!(told["split"]["reason"], "by chance, as it has no header:x-user");
    let routes = gateway.ask_admin("/routes").json();
    let route = routes.as_array().unwrap().iter().find(|route| route["name"] == "app").unwrap();
    assert_eq!(route["split"], json!([{ "upstream": "next", "percent": 100.0 }]));
}
