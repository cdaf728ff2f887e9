//! The end of a whole request's time, `max_duration`: whatever still runs then is cut, and seen to be cut.

use std::io::Result;
use std::time::Duration;

use serde_json::json;

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::get;
use crate::support::wait::{pass, until};
use crate::support::wire::Wire;
use crate::{before, commerce};

/// Times of the pool that fit in the route's.
const POOL: &str = "try_timeout = \"200ms\"\nconnect_timeout = \"100ms\"\nidle_timeout = \"10s\"\nretry = { max_retries = 0 }";
const ROUTE: &str = "response_timeout = \"200ms\"\nmax_duration = \"400ms\"\nmax_body = \"1gb\"";

/// A backend that answers with this head and goes on with this piece until it is let go.
fn going_on(head: &'static str, piece: &'static str) -> Double {
    Double::start(move |_, wire| {
        wire.try_send(head)?;
        go_on(wire, piece)
    })
}

fn go_on(wire: &mut Wire, piece: &str) -> Result<()> {
    loop {
        wire.try_send(piece)?;
        pass(Duration::from_millis(20));
    }
}

/// What the gateway noted of a request that it cut: once, with the time it had, and not against the backend.
fn assert_cut(gateway: &Gateway, id: &str, status: u16) {
    let line = gateway.line_of(id);
    assert_eq!((&line["status"], &line["flag"]), (&json!(status), &json!("UMSDR")), "{line}");
    let took = line["duration_ms"].as_f64().unwrap();
    assert!((400.0..5000.0).contains(&took), "{line}");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it is no fault of the backend");
}

#[test]
fn a_stream_is_cut_at_the_end_of_its_time_and_never_taken_for_whole() {
    let cases = [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\n.\r\n"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "."),
        // Ends with its connection; what the client gets are chunks.
        ("HTTP/1.1 200 OK\r\n\r\n", "."),
    ];
    for (head, piece) in cases {
        let backend = going_on(head, piece);
        let gateway = before(backend.address(), POOL, ROUTE);
        let cut = gateway.wire().ask_and_break("/api/x", "cut-stream");
        assert!(cut.is_err(), "{cut:?}");
        assert_cut(&gateway, "cut-stream", 200);
        let label = ["olympus_route=\"app\""];
        assert_eq!(gateway.metric("olympus_requests_out_of_time_total", &label), 1.0);
    }
}

#[test]
fn a_client_that_does_not_read_gets_no_more_time() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), POOL, ROUTE);
    let mut wire = gateway.wire();
    wire.ask("GET", &format!("/api/bytes/{}", 1 << 30), &["x-request-id: unread-stream"]);
    assert_eq!(wire.head().status, 200);
    assert_cut(&gateway, "unread-stream", 200);
}

#[test]
fn an_upload_that_takes_too_long_is_a_problem() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), POOL, ROUTE);
    let mut wire = gateway.wire();
    wire.send("POST /api/count HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    wire.send("1\r\n.\r\n");
    let answer = wire.answer();
    assert_eq!((answer.status, &answer.json()["code"]), (504, &json!("duration_exceeded")));
    assert_eq!(answer.header("proxy-status"), "", "no backend is to blame");
    // The gateway would read on for a while, so that the answer is not lost.
    drop(wire);
    assert_cut(&gateway, answer.header("x-request-id"), 504);
}

#[test]
fn a_tunnel_is_cut_like_a_stream() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), POOL, ROUTE);
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "cut-tunnel");
    assert_eq!(wire.rest(), "");
    assert_cut(&gateway, "cut-tunnel", 101);
}

#[test]
fn what_ends_in_time_leaves_its_connection_to_others() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = before(backend.address(), POOL, ROUTE);
    assert_eq!(gateway.get("/api/x").body, "ok");
    pass(Duration::from_millis(600));
    assert_eq!(gateway.get("/api/x").body, "ok");
    assert_eq!((backend.connections(), backend.heads().len()), (1, 2));
}

#[test]
fn a_handler_in_this_process_has_no_more_time_than_a_backend() {
    let gateway = Gateway::embedded(
        "[routes.timed]\npath = \"/api/v1/{what}\"\nlocal = \"status\"\nmax_duration = \"400ms\"",
    );
    let unanswered = gateway.get("/api/v1/hang");
    assert_eq!((unanswered.status, &unanswered.json()["code"]), (504, &json!("duration_exceeded")));
    assert_cut(&gateway, unanswered.header("x-request-id"), 504);
    let cut = gateway.wire().ask_and_break("/api/v1/endless", "cut-handler");
    assert!(cut.is_err(), "{cut:?}");
    assert_cut(&gateway, "cut-handler", 200);
    let label = ["olympus_route=\"timed\""];
    assert_eq!(gateway.metric("olympus_requests_out_of_time_total", &label), 2.0);
    until("both are dropped", || (get(&gateway.url("/api/v1/busy")).body.trim() == "0").then_some(()));
}
