//! Requests whose end two readers could see in different places: refused, or passed on in one reading.

use crate::support::double::Double;
use crate::support::http::get;
use crate::{before, commerce};

/// A request within the body of the one before it: it must never be answered.
const HIDDEN: &str = "GET /api/bytes/7 HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn a_request_that_frames_itself_twice_hides_no_other() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let length = HIDDEN.len();
    let cases = [
        format!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("content-length: 0\r\ncontent-length: {length}\r\n\r\n{HIDDEN}"),
        format!("content-length: {length}\r\ncontent-length: 0\r\n\r\n{HIDDEN}"),
        format!("content-length: 0, {length}\r\n\r\n{HIDDEN}"),
        format!("content-length: +{length}\r\n\r\n{HIDDEN}"),
        format!("content-length: -1\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding:\u{b}chunked\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n{HIDDEN}"),
        format!("transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n{HIDDEN}"),
    ];
    for case in cases {
        let mut wire = gateway.wire();
        let _ = wire.try_send(format!("POST /api/echo HTTP/1.1\r\nhost: test\r\n{case}"));
        let answers = wire.rest();
        let (statuses, bodies): (Vec<_>, usize) = (
            answers.match_indices("HTTP/1.1 ").filter_map(|(at, _)| answers.get(at + 9..at + 12)).collect(),
            answers.matches("x-backend").count(),
        );
        assert!(statuses.len() <= 1 && (bodies == 0 || statuses == ["200"]), "{case:?}: {answers}");
        assert!(!answers.contains("content-length: 7\r\n"), "{case:?}: {answers}");
    }
    // And the backend's connections are in step: nothing was left on them.
    for _ in 0..4 {
        assert_eq!(get(&gateway.url("/api/bytes/3")).body.len(), 3);
    }
}

#[test]
fn a_header_line_cannot_hold_another() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let gateway = before(backend.address(), "", "");
    for line in ["x-a: 1\nx-user-id: 1", "x-a: 1\r\n x-user-id: 1", "x a: 1", ": 1", "x-a: 1\r x-user-id: 1"]
    {
        let mut wire = gateway.wire();
        wire.send(format!("GET /api/x HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{line}\r\n\r\n"));
        wire.rest();
    }
    for head in backend.heads() {
        let names: Vec<&str> = head.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert!(!names.contains(&"x-user-id"), "{head}");
    }
}

#[test]
fn two_answers_to_one_request_are_not_two_answers_to_the_client() {
    let backend = Double::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    );
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    for _ in 0..4 {
        assert_eq!(wire.get("/api/x", &[]).body, "ok");
    }
}

#[test]
fn a_head_that_never_ends_is_refused() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    let _ = wire.try_send(format!(
        "GET /api/headers HTTP/1.1\r\nhost: test\r\nx-long: {}\r\n\r\n",
        "x".repeat(2 << 20)
    ));
    let answer = wire.rest();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(gateway.get("/livez").status, 200);
}

#[test]
fn a_length_is_passed_on_in_one_reading_or_not_at_all() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = before(backend.address(), "", "");
    for lengths in ["content-length: 4, 4", "content-length: 4\r\ncontent-length: 4"] {
        let mut wire = gateway.wire();
        wire.send(format!("POST /api/x HTTP/1.1\r\nhost: test\r\n{lengths}\r\n\r\nabcd"));
        assert_eq!(wire.answer().status, 400, "{lengths}");
    }
    assert!(backend.heads().is_empty());
}

#[test]
fn a_request_without_a_host_gets_the_endpoints_before_it_is_sent_on_as_one_of_http_1_1() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.send("GET /api/x HTTP/1.0\r\n\r\n");
    assert_eq!(wire.answer().status, 200);
    let host = format!("host: {}", backend.address());
    assert!(backend.only_head().to_lowercase().contains(&host), "{}", backend.only_head());
}

#[test]
fn a_backend_cannot_switch_protocols_unasked() {
    let backend =
        Double::answering("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    let gateway = before(backend.address(), "", "");
    let answer = gateway.wire().get("/api/x", &[]);
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(gateway.line_for(&answer)["flag"], "UPE");
}
