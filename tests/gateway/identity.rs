//! Who asks, under which id, in which trace: what is believed of a client and what a backend is told.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::{app, before, commerce, endpoint};

/// The headers the backend saw, for a request with these.
fn seen(gateway: &Gateway, headers: &[(&str, &str)]) -> Value {
    send("GET", &gateway.url("/api/headers"), headers, "").json()["headers"].take()
}

#[test]
fn one_id_names_a_request_everywhere() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let long = "x".repeat(129);
    let cases = [
        ("well-formed_1.2", true),
        ("short", false),
        ("with space in it", false),
        ("quote\"quote\"", false),
        (&long, false),
    ];
    for (sent, is_kept) in cases {
        let answer = send("GET", &gateway.url("/api/headers"), &[("x-request-id", sent)], "");
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id == sent, is_kept, "{sent}: {id}");
        assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
        assert_eq!(answer.json()["headers"]["x-request-id"], json!([id]));
        assert_eq!(gateway.line_of(&id)["path"], "/api/headers");
        shop.log_line(&[&id]);
    }
    let mut wire = gateway.wire();
    let two = wire.get("/api/headers", &["x-request-id: first-of-two", "x-request-id: second-of-two"]);
    assert!(!two.header("x-request-id").ends_with("-of-two"));
    assert_eq!(two.json()["headers"]["x-request-id"].as_array().unwrap().len(), 1);
}

#[test]
fn a_trace_is_continued_or_begun() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let valid = format!("00-{trace}-{span}-01");
    let answer =
        send("GET", &gateway.url("/api/headers"), &[("traceparent", &valid), ("tracestate", "a=1")], "");
    let passed = answer.json()["headers"]["traceparent"][0].as_str().unwrap().to_owned();
    assert!(
        passed.starts_with(&format!("00-{trace}-")) && passed.ends_with("-01") && !passed.contains(span),
        "{passed}"
    );
    assert_eq!(answer.json()["headers"]["tracestate"], json!(["a=1"]));
    assert_eq!(gateway.line_for(&answer)["trace_id"], trace);

    let strangers = [("traceparent", "nonsense"), ("tracestate", "a=1")];
    let answer = send("GET", &gateway.url("/api/headers"), &strangers, "");
    assert_eq!(answer.json()["headers"]["tracestate"], Value::Null, "it belonged to no trace");
    let begun = answer.json()["headers"]["traceparent"][0].as_str().unwrap().to_owned();
    let parts: Vec<usize> = begun.split('-').map(str::len).collect();
    assert_eq!(parts, [2, 32, 16, 2], "{begun}");
    assert_eq!(gateway.line_for(&answer)["trace_id"], begun.split('-').nth(1).unwrap());
}

const CLAIMS: [(&str, &str); 5] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("forwarded", "for=203.0.113.9"),
    ("host", "shop.example"),
];

#[test]
fn a_stranger_is_not_believed_who_it_is() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let seen = seen(&gateway, &CLAIMS);
    assert_eq!(seen["x-forwarded-for"], json!(["127.0.0.1"]));
    assert_eq!(seen["x-forwarded-host"], json!(["shop.example"]));
    assert_eq!(seen["x-forwarded-proto"], json!(["http"]));
    assert_eq!(seen["forwarded"], json!(["for=127.0.0.1;proto=http;host=\"shop.example\""]));
    assert_eq!(seen["host"], json!(["shop.example"]));
}

#[test]
fn a_trusted_proxy_is_believed_and_added_to() {
    let shop = commerce("shop");
    let config = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&format!("{config}\n[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n"));
    let answer = send("GET", &gateway.url("/api/headers"), &CLAIMS, "");
    let seen = &answer.json()["headers"];
    assert_eq!(seen["x-forwarded-for"], json!(["203.0.113.9, 127.0.0.1"]));
    assert_eq!(seen["x-forwarded-host"], json!(["evil.example"]));
    assert_eq!(seen["x-forwarded-proto"], json!(["https"]));
    let forwarded = seen["forwarded"][0].as_str().unwrap();
    assert!(forwarded.starts_with("for=203.0.113.9, for=127.0.0.1;proto="), "{forwarded}");
    assert_eq!(gateway.line_for(&answer)["client"], "203.0.113.9");
    assert!(answer.header("strict-transport-security").starts_with("max-age="), "the client came by TLS");
}

#[test]
fn identity_headers_are_never_a_clients_to_set() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let claims = [
        ("x-user-id", "1"),
        ("X-Tenant-Id", "2"),
        ("x-roles", "platform_admin"),
        ("x-olympus-identity", "ey"),
    ];
    let seen = seen(&gateway, &claims);
    for (name, _) in claims {
        assert_eq!(seen[name.to_lowercase()], Value::Null, "{name}");
    }
}

#[test]
fn no_spelling_of_a_claim_passes_from_a_stranger() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let claims =
        ["x-real-ip", "x-forwarded-port", "x-original-url", "x_forwarded_for", "x_tenant_id", "x-roles"];
    let seen = seen(&gateway, &claims.map(|name| (name, "evil")));
    assert!(!seen.to_string().contains("evil"), "{seen}");
}
