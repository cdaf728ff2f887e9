//! Headers that end at the gateway, that it adds, and that a route edits.

use serde_json::{Value, json};

use crate::support::double::Double;
use crate::support::http::send;
use crate::{before, commerce};

#[test]
fn what_is_meant_for_one_hop_ends_at_it_on_the_way_there() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    let sent = [
        "connection: keep-alive, x-for-you",
        "x-for-you: 1",
        "keep-alive: timeout=5",
        "proxy-connection: keep-alive",
        "proxy-authorization: Basic eA==",
        "te: trailers",
        "trailer: x-end",
        "x-for-all: 1",
    ];
    let seen = wire.get("/api/headers", &sent).json()["headers"].take();
    for name in
        ["x-for-you", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade"]
    {
        assert_eq!(seen[name], Value::Null, "{name}");
    }
    assert_eq!(seen["x-for-all"], json!(["1"]));
}

#[test]
fn what_is_meant_for_one_hop_ends_at_it_on_the_way_back() {
    let backend = Double::answering(
        "HTTP/1.1 200 OK\r\nconnection: keep-alive, x-for-you\r\nx-for-you: 1\r\nkeep-alive: timeout=5\r\n\
         proxy-authenticate: Basic\r\nserver: secret/1.0\r\nx-powered-by: magic\r\nx-for-all: 1\r\n\
         content-length: 2\r\n\r\nok",
    );
    let gateway = before(backend.address(), "", "");
    let answer = gateway.get("/api/x");
    for name in ["x-for-you", "proxy-authenticate", "server", "x-powered-by"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_ne!(answer.header("keep-alive"), "timeout=5");
    assert_eq!((answer.header("x-for-all"), answer.body.as_str()), ("1", "ok"));
}

#[test]
fn a_client_cannot_take_away_what_frames_its_request() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.send("POST /api/echo HTTP/1.1\r\nhost: test\r\nconnection: content-length\r\ncontent-length: 4\r\n\r\nbody");
    assert_eq!(wire.answer().body, "body");
    assert_eq!(gateway.wire().get("/api/headers", &["connection: host"]).status, 400);
}

#[test]
fn a_client_cannot_take_away_what_the_gateway_says_of_it() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "[routes.app.request]\nset = { x-role = \"edge\" }");
    let names = ["x-forwarded-for", "forwarded", "x-request-id", "traceparent", "x-role"];
    for name in names {
        let answer = gateway.wire().get("/api/headers", &[&format!("connection: {name}")]);
        // What stands for the connection itself is refused outright, before our own headers are added.
        let kept = answer.json()["headers"][name].as_array().map(Vec::len);
        assert!(answer.status == 400 || kept == Some(1), "{name}: {answer:?}");
    }
}

#[test]
fn every_answer_has_security_headers() {
    let backend = Double::answering(
        "HTTP/1.1 200 OK\r\ncontent-security-policy: default-src 'self'\r\ncontent-length: 0\r\n\r\n",
    );
    let gateway = before(backend.address(), "", "max_body = \"1kb\"");
    let large = "x".repeat(1025);
    let asked =
        [("GET", "/livez", ""), ("GET", "/nowhere", ""), ("POST", "/api/x", &large), ("GET", "/a%2Fb", "")];
    let statuses = asked.map(|(method, path, body)| {
        let answer = send(method, &gateway.url(path), &[], body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
        assert_eq!(answer.header("content-security-policy"), "frame-ancestors 'none'", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "the client did not come by TLS");
        assert_ne!(answer.header("x-request-id"), "", "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
        answer.status
    });
    assert_eq!(statuses, [200, 404, 413, 400]);
    let own = gateway.get("/api/x");
    assert_eq!(own.header("content-security-policy"), "default-src 'self'", "the backend's own stays");
    assert_eq!(own.header("x-content-type-options"), "nosniff");
}

#[test]
fn a_route_edits_headers_both_ways() {
    let shop = commerce("shop");
    let route = r#"
[routes.app.request]
remove = ["x-old"]
set = { x-role = "edge", x-forwarded-proto = "https" }
add = { x-list = "ours" }
[routes.app.response]
remove = ["x-backend"]
set = { cache-control = "no-store" }
add = { x-list = "ours" }
"#;
    let gateway = before(shop.address(), "", route);
    let sent = [("x-old", "1"), ("x-role", "client"), ("x-list", "theirs")];
    let answer = send("GET", &gateway.url("/api/headers"), &sent, "");
    let seen = &answer.json()["headers"];
    assert_eq!((&seen["x-old"], &seen["x-role"]), (&Value::Null, &json!(["edge"])));
    assert_eq!(
        (&seen["x-list"], &seen["x-forwarded-proto"]),
        (&json!(["theirs", "ours"]), &json!(["https"]))
    );
    assert_eq!((answer.header("x-backend"), answer.header("cache-control")), ("", "no-store"));
    assert_eq!(answer.header("x-list"), "ours");
}
