//! `Expect: 100-continue` through the gateway: whoever takes the body says whether it is wanted.

use std::io::{Error, ErrorKind};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use serde_json::json;

use crate::support::double::Double;
use crate::support::wait::until;
use crate::{before, commerce};

fn post(length: usize, id: &str) -> String {
    format!(
        "POST /api/count HTTP/1.1\r\nhost: test\r\nx-request-id: {id}\r\nexpect: 100-continue\r\n\
         content-length: {length}\r\n\r\n"
    )
}

#[test]
fn the_backend_says_when_the_body_is_wanted() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Double::start(move |head, wire| {
        assert!(head.contains("expect: 100-continue"), "{head}");
        told.lock().unwrap().recv().unwrap();
        wire.try_send("HTTP/1.1 100 Continue\r\nx-said-by: backend\r\n\r\n")?;
        let body = wire.take(5)?;
        wire.try_send([b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", &body[..]].concat())
    });
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    for id in ["expecting-1", "expecting-2"] {
        wire.send(post(5, id));
        until("the backend is asked", || backend.heads().iter().any(|head| head.contains(id)).then_some(()));
        go.send(()).unwrap();
        let told = wire.head();
        assert_eq!(
            (told.status, told.header("x-said-by")),
            (100, "backend"),
            "it is not the gateway's to say"
        );
        wire.send("hello");
        let answer = wire.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
        assert_eq!(gateway.line_of(id)["status"], 200);
    }
}

#[test]
fn a_real_backend_asks_for_the_body_once_it_reads_it() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "max_body = \"1mb\"");
    let mut wire = gateway.wire();
    wire.send(post(600_000, "expecting-3"));
    assert_eq!(wire.head().status, 100);
    wire.send("x".repeat(600_000));
    assert_eq!(wire.answer().json(), json!({ "bytes": 600_000 }));
    assert_eq!(wire.get("/livez", &[]).status, 200, "the connection is kept");
}

#[test]
fn a_backend_that_wants_no_body_answers_at_once() {
    for (status, body) in [(413, "no!\n"), (417, ""), (200, "done")] {
        let backend = Double::start(move |_, wire| {
            wire.try_send(format!("HTTP/1.1 {status} No\r\ncontent-length: {}\r\n\r\n{body}", body.len()))?;
            wire.rest();
            Err(Error::from(ErrorKind::Other))
        });
        let gateway = before(backend.address(), "", "");
        let mut wire = gateway.wire();
        wire.send(post(5, "unexpected"));
        let answer = wire.answer();
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert_eq!(answer.header("connection"), "close", "the body may or may not come");
        assert_eq!(wire.rest(), "");
        let line = gateway.line_of("unexpected");
        assert_eq!((&line["status"], &line["flag"]), (&json!(status), &json!("-")), "{line}");
        assert!(line["duration_ms"].as_f64().unwrap() < 10_000.0, "nothing waits for the body: {line}");
    }
}

#[test]
fn a_body_that_is_larger_than_the_route_takes_is_never_asked_for() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let gateway = before(backend.address(), "", "max_body = \"1kb\"");
    let mut wire = gateway.wire();
    wire.send(post(1025, "too-large-1"));
    assert_eq!(wire.answer().status, 413);
    assert_eq!(wire.rest(), "", "nothing waits for the body");
    assert_eq!(backend.heads().len(), 0);
}
