//! Clients that leave before their answer: what was begun for them is given up.

use std::io::{Error, ErrorKind};
use std::sync::mpsc::channel;

use serde_json::json;

use crate::before;
use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::{get, send};
use crate::support::process::PATIENCE;
use crate::support::wait::until;

/// A backend that answers nothing (or `first`), and tells when a request came and when its connection ended.
fn watching(first: &'static str) -> (Double, std::sync::mpsc::Receiver<&'static str>) {
    let (tell, told) = channel();
    let backend = Double::start(move |_, wire| {
        tell.send("asked").unwrap();
        wire.try_send(first)?;
        wire.rest();
        tell.send("left").unwrap();
        Err(Error::from(ErrorKind::Other))
    });
    (backend, told)
}

#[test]
fn the_request_to_the_backend_is_given_up_with_its_client() {
    let (backend, told) = watching("");
    let gateway = before(backend.address(), "try_timeout = \"3s\"", "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/x", &["x-request-id: leaving-1"]);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("asked"));
    drop(wire);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("left"));
    let line = gateway.line_of("leaving-1");
    assert_eq!(
        (&line["status"], &line["flag"], &line["tries"]),
        (&json!(0), &json!("DC"), &json!(1)),
        "{line}"
    );
    assert!(line["duration_ms"].as_f64().unwrap() < 2900.0, "{line}");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it is no fault of the backend");
    assert_eq!(backend.heads().len(), 1);
}

#[test]
fn a_client_that_leaves_midway_ends_the_stream_from_the_backend() {
    let (backend, told) = watching("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/x", &["x-request-id: leaving-2"]);
    assert_eq!(wire.head().status, 200);
    assert_eq!(wire.chunk(), "hello");
    drop(wire);
    assert_eq!([told.recv_timeout(PATIENCE), told.recv_timeout(PATIENCE)], [Ok("asked"), Ok("left")]);
    let line = gateway.line_of("leaving-2");
    assert_eq!((&line["status"], &line["flag"]), (&json!(200), &json!("DC")), "{line}");
}

#[test]
fn a_client_that_leaves_within_its_upload_ends_the_upload() {
    let (backend, told) = watching("");
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.send(
        "POST /api/x HTTP/1.1\r\nhost: test\r\nx-request-id: leaving-3\r\ncontent-length: 10\r\n\r\n12345",
    );
    assert_eq!(told.recv_timeout(PATIENCE), Ok("asked"));
    drop(wire);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("left"));
    let line = gateway.line_of("leaving-3");
    assert_eq!((&line["flag"], &line["bytes_received"]), (&json!("DC"), &json!(5)), "{line}");
}

#[test]
fn the_handler_in_this_process_is_dropped_with_its_client() {
    let gateway = Gateway::embedded("");
    let busy = |count: &str| {
        until("handlers are as many", || {
            (get(&gateway.url("/api/v1/busy")).body.trim() == count).then_some(())
        });
    };
    let mut waiting = gateway.wire();
    waiting.ask("GET", "/api/v1/hang", &["x-request-id: leaving-4"]);
    let mut sending = gateway.wire();
    sending.send("POST /api/v1/slow HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345");
    busy("2");
    drop(waiting);
    busy("1");
    drop(sending);
    busy("0");
    let line = gateway.line_of("leaving-4");
    assert_eq!((&line["status"], &line["flag"]), (&json!(0), &json!("DC")), "{line}");
    assert_eq!(send("POST", &gateway.url("/api/v1/slow"), &[], "12345").body.trim(), "5");
}
