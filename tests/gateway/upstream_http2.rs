//! HTTP/2 to backends: many requests on a few connections, none of which pays for another.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use h2::Reason;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use ureq::http::Request;

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::process::PATIENCE;
use crate::support::secure::Backend;
use crate::support::wait::until;
use crate::{app, before, endpoint};

const H2C: &str = "protocol = \"h2\"\n";

/// A gateway before a backend that is known to speak HTTP/2, whose tries may take 300 ms.
fn hurried(backend: SocketAddr, more: &str) -> Gateway {
    let times = "try_timeout = \"300ms\"\nconnect_timeout = \"100ms\"\n";
    before(backend, &format!("{H2C}{times}{more}"), "")
}

#[test]
fn http_2_is_spoken_without_tls_where_it_is_known() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let answer =
        send("POST", &gateway.url("/api/a?q=1"), &[("host", "shop.example"), ("te", "trailers")], "body");
    assert_eq!((answer.status, answer.body.as_str()), (200, "http/2 body"));
    assert_eq!(gateway.get("/api/empty").body, "http/2 ");
    let heads = backend.seen.heads.lock().unwrap();
    assert_eq!(heads[0].uri().to_string(), "http://shop.example/a?q=1");
    for name in ["host", "connection", "te", "transfer-encoding"] {
        assert!(!heads[0].headers().contains_key(name), "{name}: {:?}", heads[0]);
    }
}

/// Asked one after the other: in the moment in which a request takes its stream, another opens a connection of its own.
#[test]
fn many_requests_share_a_connection() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let mut wires: Vec<_> = (0..40).map(|_| gateway.wire()).collect();
    for (number, wire) in wires.iter_mut().enumerate() {
        wire.ask("GET", "/api/hang", &[]);
        until("the backend has it", || (backend.seen.heads.lock().unwrap().len() > number).then_some(()));
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_try_that_hangs_ends_alone() {
    let backend = Backend::plain();
    let gateway = hurried(backend.address, "retry = { max_retries = 0 }");
    gateway.get("/api/first");
    thread::scope(|scope| {
        // Longer than a try may take to its head, and with pauses longer than that too.
        let pausing = scope.spawn(|| gateway.get("/api/pause"));
        let hanging = gateway.get("/api/hang");
        let line = gateway.line_for(&hanging);
        assert_eq!((hanging.status, &line["flag"], &line["tries"]), (504, &json!("UT"), &json!(1)));
        assert!(line["upstream_ms"].as_f64().unwrap() >= 299.0, "{line}");
        let whole = pausing.join().unwrap();
        assert_eq!((whole.status, whole.body.as_str()), (200, "..."));
    });
    assert_eq!(until("the stream is reset", || backend.resets().pop()), Reason::CANCEL);
    assert_eq!(gateway.get("/api/next").status, 200);
    assert!(backend.connections() <= 2, "{} connections", backend.connections());
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &["cause=\"timeout\""]), 1.0);
}

#[test]
fn a_try_that_hangs_is_tried_elsewhere_with_its_body() {
    let (slow, quick) = (Backend::plain(), Backend::plain());
    let entries = [(slow.address, 0), (quick.address, 1)]
        .map(|(address, priority)| format!("{{ address = \"{address}\", priority = {priority} }}"));
    let more = format!("{H2C}try_timeout = \"300ms\"\nconnect_timeout = \"100ms\"\n");
    let gateway = Gateway::start(&app(&entries, &more, ""));
    slow.seen.is_deaf.store(true, std::sync::atomic::Ordering::SeqCst);
    for (method, body) in [("PUT", "again"), ("DELETE", "")] {
        let answer = send(method, &gateway.url("/api/x"), &[], body);
        assert_eq!((answer.status, &answer.body), (200, &format!("http/2 {body}")));
        assert_eq!(gateway.line_for(&answer)["tries"], 2);
    }
}

#[test]
fn a_slow_upload_is_not_cut_by_the_time_of_a_try() {
    let backend = Backend::plain();
    let gateway = hurried(backend.address, "");
    let mut wire = gateway.wire();
    wire.send("POST /api/x HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\n");
    let (_keep, nothing) = channel::<()>();
    for _ in 0..6 {
        assert!(nothing.recv_timeout(Duration::from_millis(100)).is_err());
        wire.send(".");
    }
    let answer = wire.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "http/2 ......"));
    assert_eq!(wire.get("/api/kept", &[]).status, 200, "the client's connection goes on");
}

#[test]
fn a_client_that_leaves_resets_its_stream() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/hang", &["x-request-id: one-that-leaves"]);
    until("the backend works on it", || (!backend.seen.heads.lock().unwrap().is_empty()).then_some(()));
    drop(wire);
    assert_eq!(until("the stream is reset", || backend.resets().pop()), Reason::CANCEL);
    assert_eq!(gateway.line_of("one-that-leaves")["flag"], "DC");
    assert_eq!(gateway.get("/api/next").status, 200);
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_stream_that_was_refused_is_sent_again_whatever_its_method() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let answer = send("POST", &gateway.url("/api/decline"), &[], "once");
    assert_eq!((answer.status, answer.body.as_str()), (200, "http/2 once"));
    assert_eq!(gateway.line_for(&answer)["tries"], 2);
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &["cause=\"declined\""]), 1.0);
}

#[test]
fn a_connection_that_closes_before_the_request_was_looked_at_costs_nothing() {
    // SETTINGS, then GOAWAY: the last stream looked at is 0, no error.
    let closing = Double::start(|_, wire| {
        wire.try_send([0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        wire.try_send([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        wire.rest();
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let backend = Backend::plain();
    let gateway = Gateway::start(&app(
        &[format!("{{ address = \"{}\" }}", closing.address()), endpoint(backend.address)],
        &format!("{H2C}balance = \"wrr\""),
        "",
    ));
    for _ in 0..4 {
        let answer = send("POST", &gateway.url("/api/x"), &[], "once");
        assert_eq!((answer.status, answer.body.as_str()), (200, "http/2 once"));
    }
    assert!(closing.connections() > 0);
}

#[test]
fn what_does_not_speak_http_2_is_told_apart() {
    let backend = Double::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let gateway = before(backend.address(), H2C, "");
    let answer = gateway.get("/api/x");
    assert_eq!((answer.status, &gateway.line_for(&answer)["flag"]), (502, &json!("UPE")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_pass_between_http_2_and_http_2() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    let request =
        Request::post("http://shop.example/api/trailers").header("te", "trailers").body(()).unwrap();
    let (answer, mut body) = requests.send_request(request, false).unwrap();
    body.send_data("a call".into(), true).unwrap();
    let mut body = timeout(PATIENCE, answer).await.expect("an answer").unwrap().into_body();
    let mut seen = Vec::new();
    while let Some(piece) = timeout(PATIENCE, body.data()).await.expect("a piece or the end") {
        seen.extend(piece.unwrap());
    }
    assert_eq!(seen, b"a message");
    let trailers = timeout(PATIENCE, body.trailers()).await.expect("trailers").unwrap().expect("trailers");
    assert_eq!(trailers["grpc-status"], "0");
    let head = backend.seen.heads.lock().unwrap()[0].clone();
    assert_eq!(head.headers()["te"], "trailers");
    assert_eq!(head.uri().to_string(), "http://shop.example/trailers");
}

#[test]
fn a_client_of_http_1_gets_the_answer_without_its_trailers() {
    let backend = Backend::plain();
    let gateway = before(backend.address, H2C, "");
    let answer = gateway.get("/api/trailers");
    assert_eq!((answer.status, answer.body.as_str()), (200, "a message"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_http_2_is_told_of_a_try_that_hung() {
    let backend = Backend::plain();
    let gateway = hurried(backend.address, "retry = { max_retries = 1 }");
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    for (path, status) in [("/api/hang", 504), ("/api/next", 200)] {
        let mut requests = requests.clone().ready().await.unwrap();
        let request = Request::put(format!("http://shop.example{path}")).body(()).unwrap();
        let (answer, mut body) = requests.send_request(request, false).unwrap();
        body.send_data("a body".into(), true).unwrap();
        let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    assert_eq!(
        until("both tries are reset", || (backend.resets().len() == 2).then(|| backend.resets())),
        [Reason::CANCEL; 2]
    );
}
