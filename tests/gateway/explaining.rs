//! `olympus explain`: what it says of a request is what happens to it.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::port::Port;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

/// What the program says of a request to the running gateway.
fn explain(gateway: &Gateway, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
    command.args(["explain", "--json", "--config", &gateway.config_file()]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two endpoints, the second of which nobody listens at, and routes beside `/api`.
fn config(good: &str, bad: &str, balance: &str) -> String {
    let routes = r#"
[routes.writes]
path = "/api/orders/{id}"
methods = ["PUT"]
hosts = ["shop.example"]
upstream = "app"
max_body = "2mb"
[routes.beta]
path = "/api/{*rest}"
headers = [{ name = "x-beta", value = "1" }]
upstream = "app"
"#;
    let upstream =
        format!("{balance}\n[upstreams.app.outlier]\nconsecutive_failures = 2\nbase_ejection_time = \"1m\"");
    format!("{}{routes}", app(&[good.to_owned(), bad.to_owned()], &upstream, ""))
}

#[test]
fn a_proxied_request_shows_its_route_its_target_and_its_pool() {
    let (shop, other) = (commerce("shop"), commerce("other"));
    let gateway = Gateway::start(&config(&endpoint(shop.address()), &endpoint(other.address()), ""));
    let told = explain(&gateway, &["GET", "/api//products?x=1"]);
    assert_eq!(told["request"], "GET /api/products");
    assert_eq!(told["outcome"], json!({ "by": "backend", "target": "/products?x=1" }));
    let route = &told["route"];
    assert_eq!((&route["name"], &route["parameters"]["rest"]), (&json!("app"), &json!("products")));
    assert_eq!(
        (&route["rules"]["strip_prefix"], &route["rules"]["max_body"]),
        (&json!("/api"), &json!("1mb"))
    );
    let beta = json!({ "name": "beta", "pattern": "/api/{*rest}",
        "why": "it asks for the header `x-beta`, with its value if one is set" });
    assert_eq!(told["passed_over"], json!([beta]));
    let endpoints = told["pool"]["endpoints"].as_array().unwrap();
    for endpoint in endpoints {
        assert_eq!((&endpoint["state"], &endpoint["role"]), (&json!("healthy"), &json!("takes requests")));
        assert_eq!(endpoint["share_percent"], 50.0);
    }
}

#[test]
fn the_more_specific_route_is_told_from_the_one_passed_over() {
    let shop = commerce("shop");
    let gateway =
        Gateway::start(&config(&endpoint(shop.address()), &endpoint(Port::reserve().address()), ""));
    let told = explain(&gateway, &["GET", "/api/x", "-H", "x-beta: 1"]);
    assert_eq!(told["route"]["name"], "beta");
    assert_eq!(told["passed_over"][0]["why"], "another route is more specific");
    let told = explain(&gateway, &["PUT", "http://shop.example/api/orders/7"]);
    assert_eq!((&told["route"]["name"], &told["route"]["parameters"]["id"]), (&json!("writes"), &json!("7")));
    let told = explain(&gateway, &["PUT", "/api/orders/7"]);
    let writes = told["passed_over"].as_array().unwrap().iter().find(|it| it["name"] == "writes").unwrap();
    assert_eq!(writes["why"], "it is for other hosts");
    let told = explain(&gateway, &["GET", "http://shop.example/api/orders/7"]);
    let writes = told["passed_over"].as_array().unwrap().iter().find(|it| it["name"] == "writes").unwrap();
    assert_eq!(writes["why"], "it does not serve GET");
}

#[test]
fn what_the_gateway_answers_itself_is_told_as_it_is_answered() {
    let gateway = Gateway::start("");
    let outcome = |arguments: &[&str]| explain(&gateway, arguments)["outcome"].take();
    assert_eq!(outcome(&["GET", "/livez"]), json!({ "by": "local", "part": "health" }));
    for (arguments, path) in [(&["GET", "/nowhere"], "/nowhere"), (&["GET", "/a%2Fb"], "/a%2Fb")] {
        let (told, answer) = (outcome(arguments), gateway.get(path));
        assert_eq!((&told["by"], &told["status"]), (&json!("admission"), &json!(answer.status)));
        let document = answer.json();
        assert_eq!((&told["code"], &told["detail"]), (&document["code"], &document["detail"]), "{path}");
    }
}

#[test]
fn a_wrong_method_and_a_body_too_large_are_told() {
    let gateway = Gateway::start(
        "[routes.one]\npath = \"/one\"\nmethods = [\"POST\"]\nlocal = \"status\"\nmax_body = \"10b\"",
    );
    let told = explain(&gateway, &["GET", "/one"]);
    assert_eq!(
        (&told["outcome"]["status"], &told["outcome"]["allow"]),
        (&json!(405), &json!("OPTIONS, POST"))
    );
    let told = explain(&gateway, &["POST", "/one", "-H", "content-length: 11"]);
    assert_eq!(
        (&told["outcome"]["status"], &told["outcome"]["code"]),
        (&json!(413), &json!("body_too_large"))
    );
}

#[test]
fn an_ejected_and_a_drained_endpoint_say_why_they_take_nothing() {
    let (shop, gone) = (commerce("shop"), Port::reserve());
    let gateway = Gateway::start(&config(&endpoint(shop.address()), &endpoint(gone.address()), ""));
    let second = || explain(&gateway, &["GET", "/api/x"])["pool"]["endpoints"][1].take();
    until("it is ejected", || {
        gateway.get("/api/products");
        (second()["state"] == "ejected").then_some(())
    });
    let ejected = second();
    assert_eq!(ejected["role"], "takes none");
    assert!(ejected["reason"].as_str().unwrap().contains("refused"), "{ejected}");

    let path = format!("/upstreams/app/endpoints/{}", gone.address());
    let wanted = r#"{"drain": true, "note": "ada: new disk", "expires_in": "1h"}"#;
    assert_eq!(gateway.tell_admin("PUT", &path, wanted).status, 200);
    assert_eq!((&second()["state"], &second()["role"]), (&json!("drained"), &json!("takes none")));
    let drained = second();
    let reason = drained["reason"].as_str().unwrap();
    assert!(reason.starts_with("its weight is 0, set by an operator (ada: new disk) until 20"), "{reason}");
}

#[test]
fn a_pool_that_knows_all_its_endpoints_to_be_bad_says_so() {
    let gone = Port::reserve();
    let breaker = "[upstreams.app.breaker]\nmin_requests = 2\nopen_for = \"1m\"";
    let gateway = Gateway::start(&app(&[endpoint(gone.address())], breaker, ""));
    until("its breaker opens", || {
        gateway.get("/api/x");
        let pool = explain(&gateway, &["GET", "/api/x"])["pool"].take();
        (pool["endpoints"][0]["state"] == "broken").then_some(())
    });
    let pool = explain(&gateway, &["GET", "/api/x"])["pool"].take();
    assert!(pool["refuses_for_seconds"].as_f64().unwrap() > 1.0, "{pool}");
    let outcome = explain(&gateway, &["GET", "/api/x"])["outcome"].take();
    assert_eq!(outcome, json!({ "by": "refusal", "code": "no_backend" }));
    let shown = gateway.ask_admin("/upstreams").json()["app"].take();
    assert!(shown["refuses_for_seconds"].as_f64().unwrap() > 1.0, "{shown}");
    assert_eq!(pool["endpoints"][0]["role"], "takes none");
}

#[test]
fn a_key_belongs_to_the_endpoint_that_gets_it() {
    let (one, other) = (commerce("one"), commerce("other"));
    let gateway = Gateway::start(&config(
        &endpoint(one.address()),
        &endpoint(other.address()),
        "balance = \"hash:header:x-key\"",
    ));
    for key in ["a", "b", "c", "d"] {
        let header = format!("x-key: {key}");
        let told = explain(&gateway, &["GET", "/api/products", "-H", &header]);
        let endpoints = told["pool"]["endpoints"].as_array().unwrap();
        let owners: Vec<_> = endpoints.iter().filter(|it| it["owns_key"] == true).collect();
        let mut client = gateway.wire();
        let answer = client.get("/api/products", &[&header]);
        assert_eq!(owners.len(), 1);
        assert_eq!(gateway.line_for(&answer)["endpoint"], owners[0]["address"]);
    }
}

#[test]
fn a_configuration_alone_can_be_asked_and_people_can_read_it() {
    let shop = commerce("shop");
    let gateway =
        Gateway::start(&config(&endpoint(shop.address()), &endpoint(Port::reserve().address()), ""));
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
        let output = command
            .arg("explain")
            .args(arguments)
            .args(["--config", &gateway.config_file()])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, text) = ask(&["GET", "/api/products", "--offline"]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "answered by a backend, which is asked for /products",
        "route app (/api/{*rest}): everybody may call",
        "passed over beta",
        "upstream app: peak_ewma, 0 of 1024",
        "takes requests · weight 1",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    for (arguments, words) in [
        (&["GE T", "/x"][..], "no method"),
        (&["GET", "x y"], "no URL"),
        (&["GET", "/x", "-H", "nothing"], "no header"),
    ] {
        let (code, text) = ask(arguments);
        assert_eq!(code, Some(1));
        assert!(text.contains(words), "{text}");
    }
}
