//! Requests that go through: what the backend sees, what comes back, what is kept open.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::{get, send};
use crate::{app, before, commerce, endpoint};

#[test]
fn the_prefix_is_stripped_and_the_query_kept() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let answer = gateway.get("/api/headers?q=a%2Fb&q=%3F;x");
    assert_eq!(answer.json()["uri"], "/headers?q=a%2Fb&q=%3F;x");
    assert_eq!(answer.header("x-backend"), "shop");

    let line = gateway.line_for(&answer);
    let told = json!([
        line["route"],
        line["upstream"],
        line["endpoint"],
        line["tries"],
        line["status"],
        line["flag"]
    ]);
    assert_eq!(told, json!(["app", "app", shop.address().to_string(), 1, 200, "-"]));
    assert_eq!((&line["path"], &line["method"]), (&json!("/api/headers"), &json!("GET")));
    let [whole, ours, theirs] =
        ["duration_ms", "gateway_ms", "upstream_ms"].map(|it| line[it].as_f64().unwrap());
    assert!(theirs > 0.0 && (whole - ours - theirs).abs() < 0.01, "{line}");
}

#[test]
fn endpoints_are_chosen_by_weight() {
    let shops = ["a", "b", "c"].map(commerce);
    let entries: Vec<String> = (shops.iter().zip([3, 2, 1]))
        .map(|(shop, weight)| format!("{{ address = \"{}\", weight = {weight} }}", shop.address()))
        .collect();
    let gateway = Gateway::start(&app(&entries, "balance = \"wrr\"", ""));
    let mut counts = BTreeMap::new();
    let mut wire = gateway.wire();
    for _ in 0..60 {
        *counts.entry(wire.get("/api/headers", &[]).header("x-backend").to_owned()).or_insert(0) += 1;
    }
    assert_eq!(
        counts,
        BTreeMap::from([("a", 30), ("b", 20), ("c", 10)].map(|(name, count)| (name.to_owned(), count)))
    );
}

#[test]
fn an_endpoint_without_weight_takes_nothing() {
    let (shop, other) = (commerce("shop"), commerce("other"));
    let idle = format!("{{ address = \"{}\", weight = 0 }}", other.address());
    let gateway = Gateway::start(&app(&[idle, endpoint(shop.address())], "", ""));
    for _ in 0..6 {
        assert_eq!(gateway.get("/api/headers").header("x-backend"), "shop");
    }
    assert_eq!(get(&other.url("/faults")).json()["requests"], 0);
}

#[test]
fn a_head_request_gets_the_head_only_and_the_connection_is_kept() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("HEAD", "/api/bytes/1000", &[]);
    let head = wire.head();
    assert_eq!((head.status, head.header("content-length")), (200, "1000"));
    assert_eq!(wire.get("/api/bytes/10", &[]).body.len(), 10);
}

#[test]
fn bodies_go_both_ways_with_every_method() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer =
            send(method, &gateway.url("/api/echo"), &[("content-type", "text/x-test")], "what was sent");
        assert_eq!(
            (answer.body.as_str(), answer.header("content-type")),
            ("what was sent", "text/x-test"),
            "{method}"
        );
        assert_eq!(gateway.line_for(&answer)["bytes_received"], 13);
    }
}

#[test]
fn connections_on_both_sides_are_used_again() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    for _ in 0..5 {
        let answer = wire.get("/api/x", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        assert_ne!(answer.header("connection"), "close");
    }
    assert_eq!((backend.heads().len(), backend.connections()), (5, 1));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    let requests: String = ["/api/bytes/1", "/livez", "/api/bytes/3", "/nowhere", "/api/bytes/5"]
        .map(|path| format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
        .concat();
    wire.send(requests);
    let lengths = [(); 5].map(|()| wire.answer()).map(|answer| match answer.status {
        200 => answer.body.len(),
        status => usize::from(status),
    });
    assert_eq!(lengths, [1, 6, 3, 404, 5]);
}

/// As reads may cut them: the second ends, and the third begins and ends, in what is sent after the first answer.
#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let request = |length: usize| format!("GET /api/bytes/{length} HTTP/1.1\r\nhost: test\r\n\r\n");
    let pipelined = [request(2), request(3)].concat();
    for cut in 1..pipelined.len() {
        let (begin, end) = pipelined.split_at(cut);
        let mut wire = gateway.wire();
        wire.send([&request(1), begin].concat());
        assert_eq!(wire.answer().body.len(), 1);
        wire.send(end);
        let lengths = [wire.answer(), wire.answer()].map(|answer| answer.body.len());
        wire.send(request(4));
        assert_eq!((lengths, wire.answer().body.len()), ([2, 3], 4), "cut at {cut}");
    }
}

#[test]
fn http_1_0_is_answered_and_its_connection_ended() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    for (path, length) in [("/api/bytes/100?chunked=true", 100), ("/api/bytes/100", 100), ("/livez", 6)] {
        let mut wire = gateway.wire();
        wire.send(format!("GET {path} HTTP/1.0\r\nhost: test\r\n\r\n"));
        let head = wire.head();
        assert_eq!((head.status, head.header("transfer-encoding")), (200, ""), "{path}");
        assert_eq!(wire.rest().len(), length, "{path}");
    }
}

#[test]
fn the_most_specific_route_wins_and_hosts_and_headers_count() {
    let [plain, special, host, preview] = ["plain", "special", "host", "preview"].map(commerce);
    let pool = |name: &str, address| format!("[upstreams.{name}]\nendpoints = [{}]\n", endpoint(address));
    let config = [
        pool("plain", plain.address()),
        pool("special", special.address()),
        pool("host", host.address()),
        pool("preview", preview.address()),
        r#"
[routes.plain]
path = "/{*rest}"
upstream = "plain"
[routes.special]
path = "/products/{id}"
methods = ["GET"]
upstream = "special"
[routes.host]
path = "/{*rest}"
hosts = ["*.shop.example"]
upstream = "host"
[routes.preview]
path = "/products/{id}"
methods = ["GET"]
headers = [{ name = "x-preview", value = "yes" }]
upstream = "preview"
"#
        .to_owned(),
    ]
    .concat();
    let gateway = Gateway::start(&config);
    let ask = |path: &str, headers: &[(&str, &str)]| {
        send("GET", &gateway.url(path), headers, "").header("x-backend").to_owned()
    };
    assert_eq!(ask("/prices", &[]), "plain");
    assert_eq!(ask("/products/p-0001", &[]), "special");
    assert_eq!(ask("/products/p-0001", &[("x-preview", "yes")]), "preview");
    assert_eq!(ask("/products/p-0001", &[("x-preview", "no")]), "special");
    assert_eq!(ask("/products/p-0001", &[("host", "de.shop.example:8080")]), "host");
    let answer = send("POST", &gateway.url("/products/p-0001"), &[], "");
    assert_eq!(answer.header("x-backend"), "plain", "another route of the path serves POST");
}

#[test]
fn an_endpoint_may_be_a_unix_socket() {
    let folder = crate::support::folder::Folder::new("socket");
    let path = folder.file("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nunix").unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let gateway = Gateway::start(&app(&[format!("{{ address = \"unix:{path}\" }}")], "", ""));
    assert_eq!(gateway.get("/api/over/a/socket").body, "unix");
    assert!(server.join().unwrap().starts_with("GET /over/a/socket HTTP/1.1"));
}
