//! Routes that the gateway answers itself.

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::http::{get, send};

#[test]
fn local_routes_answer_get_and_head_alike() {
    let gateway = Gateway::start("");
    let mut wire = gateway.wire();
    for path in ["/livez", "/readyz", "/healthz", "/api/v1/status"] {
        let answer = wire.get(path, &[]);
        assert_eq!(
            (answer.status, answer.header("content-length")),
            (200, answer.body.len().to_string().as_str())
        );
        wire.ask("HEAD", path, &[]);
        let head = wire.head();
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, answer.header("content-length")),
            "{path}"
        );
        assert_eq!(head.header("content-type"), answer.header("content-type"));
    }
    assert_eq!(gateway.get("/livez").body, "alive\n");
    assert_eq!(gateway.get("/readyz").body, "ready\n");
    assert_eq!(gateway.get("/healthz").json(), json!({ "status": "up", "dependencies": {} }));
    let status = gateway.get("/api/v1/status");
    assert_eq!(
        (&status.json()["success"], &status.json()["data"]["phase"]),
        (&json!(true), &json!("serving"))
    );
    let line = gateway.line_for(&status);
    assert_eq!((&line["route"], line.get("upstream"), line.get("tries")), (&json!("status"), None, None));
}

#[test]
fn what_a_local_route_does_not_serve_is_a_problem() {
    let gateway = Gateway::start("");
    let cases = [
        ("GET", "/nowhere", 404, "route_not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("POST", "/api/v1/status", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
        ("PUT", "/healthz", 405, "method_not_allowed"),
    ];
    for (method, path, status, code) in cases {
        let answer = send(method, &gateway.url(path), &[], if method == "POST" { "unread" } else { "" });
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}: {answer:?}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["instance"]), (&json!(code), &json!(path)));
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
        assert_eq!((&problem["success"], &problem["status"]), (&json!(false), &json!(status)));
        let allow: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        assert_eq!(
            allow.contains(&"GET") && allow.contains(&"HEAD"),
            status == 405,
            "{method} {path}: {allow:?}"
        );
    }
}

#[test]
fn a_body_nobody_read_does_not_cost_the_connection() {
    let gateway = Gateway::start("");
    let mut wire = gateway.wire();
    for framing in ["content-length: 5\r\n\r\nhello", "content-length: 5\r\n\r\nhello"] {
        wire.send(format!("POST /api/v1/status HTTP/1.1\r\nhost: test\r\n{framing}"));
        let answer = wire.answer();
        assert_eq!(answer.status, 405);
        assert_ne!(answer.header("connection"), "close");
    }
    assert_eq!(wire.get("/livez", &[]).body, "alive\n");
}

#[test]
fn a_large_body_nobody_reads_does_not_hide_the_answer() {
    let gateway = Gateway::start("");
    let mut wire = gateway.wire();
    wire.send(format!("POST /api/v1/status HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", 900 << 10));
    let _ = wire.try_send("x".repeat(900 << 10));
    assert_eq!(wire.answer().status, 405);
}

#[test]
fn a_client_is_told_to_continue_only_when_its_body_is_wanted() {
    let gateway = Gateway::embedded("");
    let mut wire = gateway.wire();
    let post = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
    };
    wire.send(post("/api/v1/slow"));
    assert_eq!(wire.head().status, 100);
    wire.send("hello");
    let answer = wire.answer();
    assert_eq!((answer.status, answer.body.trim()), (200, "5"), "{answer:?}");

    wire.send(post("/api/v1/hang"));
    let refused = wire.answer();
    assert_eq!(refused.status, 405, "its head says enough");
    assert_eq!(refused.header("connection"), "close", "the body may or may not come");
}

#[test]
fn a_slow_handler_gets_its_whole_body_and_chunks_too() {
    let gateway = Gateway::embedded("");
    let text = "x".repeat(600_000);
    assert_eq!(send("POST", &gateway.url("/api/v1/slow"), &[], &text).body.trim(), "600000");
    let mut wire = gateway.wire();
    wire.send("POST /api/v1/slow HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    wire.send("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
    assert_eq!(wire.answer().body.trim(), "6");
    assert_eq!(wire.get("/livez", &[]).status, 200);
}

#[test]
fn the_answer_of_a_handler_is_framed_and_ended_as_it_is() {
    let gateway = Gateway::embedded("");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/v1/ticks", &[]);
    assert_eq!(wire.head().header("transfer-encoding"), "chunked");
    assert_eq!([wire.chunk(), wire.chunk()], ["tick 1\n", "tick 2\n"]);
    assert_eq!(wire.try_chunk().unwrap(), None);
    for status in [204, 304] {
        wire.ask("GET", &format!("/api/v1/nothing/{status}"), &[]);
        let head = wire.answer();
        assert_eq!(
            (head.status, head.header("content-length"), head.header("transfer-encoding")),
            (status, "", "")
        );
    }
    assert_eq!(wire.get("/livez", &[]).body, "alive\n", "nothing was left over");

    let broken = wire.ask_and_break("/api/v1/broken", "broken-answer");
    assert!(broken.is_err(), "a part must not be taken for the whole: {broken:?}");
    assert_eq!(gateway.line_of("broken-answer")["flag"], "IE");
    assert_eq!(get(&gateway.url("/livez")).status, 200);
}
