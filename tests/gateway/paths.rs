//! Paths and targets as hostile clients write them: one spelling reaches the backend, or none.

use serde_json::json;

use crate::{before, commerce};

#[test]
fn the_backend_is_asked_for_the_normal_spelling() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    let spellings = [
        "/api/./headers",
        "/api//headers",
        "//api/headers",
        "/api/x/../headers",
        "/api/x/%2e%2E/headers",
        "/api/%68eaders",
        "/other/../api/headers",
    ];
    for spelling in spellings {
        let answer = wire.get(&format!("{spelling}?q=/../%2e"), &[]);
        assert_eq!((answer.status, &answer.json()["uri"]), (200, &json!("/headers?q=/../%2e")), "{spelling}");
    }
}

#[test]
fn a_path_that_two_readers_could_read_differently_is_refused() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let refused = [
        "/api/a%2Fb",
        "/api/a%2fb",
        "/api/a%5Cb",
        "/api/%00",
        "/api/../..",
        "/..",
        "/api/%zz",
        "/api/%4",
        "/api/a\\b",
    ];
    for path in refused {
        let answer = gateway.wire().get(path, &[]);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_path")),
            "{path}: {answer:?}"
        );
        assert_eq!(gateway.line_for(&answer)["flag"], "DPE");
    }
    let other = gateway.wire().get("/api/..%3b/headers", &[]);
    assert_eq!(other.status, 404, "passed on as it is, to a backend that knows no such path");
}

#[test]
fn the_target_may_be_absolute_and_reaches_the_backend_as_a_path() {
    let shop = commerce("shop");
    let whole = "\n[routes.whole]\npath = \"/headers\"\nupstream = \"app\"\n";
    let gateway = before(shop.address(), "", &format!("hosts = [\"shop.example\"]{whole}"));
    for path in ["/api/headers?q=1", "/headers?q=1"] {
        let mut wire = gateway.wire();
        wire.send(format!("GET http://shop.example{path} HTTP/1.1\r\nhost: shop.example\r\n\r\n"));
        let answer = wire.answer();
        let seen = answer.json();
        assert_eq!((answer.status, &seen["uri"]), (200, &json!("/headers?q=1")));
        assert_eq!(seen["headers"]["host"], json!(["shop.example"]));
        assert_eq!(gateway.line_for(&answer)["path"], path.strip_suffix("?q=1").unwrap());
    }
    for (target, status) in [("http://shop.example", 404), ("http://SHOP.example?q=1", 400)] {
        let mut wire = gateway.wire();
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: shop.example\r\n\r\n"));
        let answer = wire.head();
        assert_eq!((answer.status, target), (status, target));
    }
    let mut wire = gateway.wire();
    wire.ask("GET", "http://shop.example/headers", &[]);
    assert_eq!(wire.head().status, 400, "the target and `Host` name different hosts");
}

#[test]
fn options_may_ask_about_no_resource() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("OPTIONS", "*", &[]);
    let answer = wire.head();
    assert_eq!(
        (answer.status, answer.header("allow")),
        (204, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
    );
    let mut wire = gateway.wire();
    wire.ask("GET", "*", &[]);
    assert_eq!(wire.answer().json()["code"], "invalid_path");
}

#[test]
fn a_request_needs_exactly_one_host() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    for hosts in ["", "host: a\r\nhost: b\r\n", "host: a b\r\n", "host: a/b\r\n", "host: a@b\r\n"] {
        let mut wire = gateway.wire();
        wire.send(format!("GET /api/headers HTTP/1.1\r\n{hosts}\r\n"));
        assert_eq!(wire.head().status, 400, "{hosts:?}");
    }
    let mut old = gateway.wire();
    old.send("GET /api/headers HTTP/1.0\r\n\r\n");
    assert_eq!(old.head().status, 200, "HTTP/1.0 had none");
    assert_eq!(crate::support::http::get(&shop.url("/faults")).json()["requests"], 1);
}

#[test]
fn methods_nobody_knows_are_passed_on_and_connect_is_not() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("BREW", "/api/headers", &[]);
    assert_eq!(wire.answer().json()["method"], "BREW");
    let mut wire = gateway.wire();
    wire.send("CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example:443\r\n\r\n");
    assert_eq!(wire.head().status, 405);
    let mut wire = gateway.wire();
    wire.send("G\u{0}T / HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(wire.head().status, 400);
}
