//! Bodies: large ones, streamed ones, ones that are too large, ones that break off.

use std::sync::mpsc::channel;

use serde_json::json;

use crate::support::double::Double;
use crate::support::http::{get, send, send_json, try_send};
use crate::support::wait::until;
use crate::{before, commerce};

const LARGE: usize = 20 << 20;

/// Different everywhere, so that a lost or doubled piece shows.
fn large_text() -> String {
    let mut text: String = (0..LARGE / 8).map(|number| format!("{number:07x}\n")).collect();
    text.truncate(LARGE);
    text
}

#[test]
fn a_large_chunked_upload_and_download_arrive_whole() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "idle_timeout = \"10s\"", "max_body = \"64mb\"");
    let text = large_text();
    let mut sender = gateway.wire();
    sender.send("POST /api/echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    let reading = sender.other_end();
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(move || {
            let mut reading = reading;
            reading.answer()
        });
        for piece in text.as_bytes().chunks(1 << 16) {
            sender.send(format!("{:x}\r\n", piece.len()));
            sender.send(piece);
            sender.send("\r\n");
        }
        sender.send("0\r\n\r\n");
        answer.join().unwrap()
    });
    assert_eq!(answer.header("transfer-encoding"), "chunked");
    assert!(answer.body == text, "{} bytes came back, not the same", answer.body.len());

    let counted = send("POST", &gateway.url("/api/count"), &[], &text);
    assert_eq!(counted.json(), json!({ "bytes": LARGE }));
    assert_eq!(gateway.line_for(&counted)["bytes_received"], LARGE);
    let whole = get(&gateway.url(&format!("/api/bytes/{}?chunked=true", 9 << 20)));
    assert_eq!(whole.body.len(), 9 << 20);
    assert_eq!(gateway.line_for(&whole)["bytes_sent"], 9 << 20);
}

#[test]
fn events_arrive_one_by_one_as_the_backend_sends_them() {
    let (go, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    let backend = Double::start(move |_, wire| {
        wire.try_send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        for number in 1..=3 {
            wire.try_send(format!("9\r\ndata: {number}\n\n\r\n"))?;
            // The next event is sent only when the client has seen this one.
            told.lock().unwrap().recv().unwrap();
        }
        wire.try_send("0\r\n\r\n")
    });
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/events", &["accept: text/event-stream"]);
    assert_eq!(wire.head().header("content-type"), "text/event-stream");
    for number in 1..=3 {
        assert_eq!(wire.chunk(), format!("data: {number}\n\n"));
        go.send(()).unwrap();
    }
    assert_eq!(wire.try_chunk().unwrap(), None);
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_is_read() {
    let backend = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let gateway = before(backend.address(), "", "max_body = \"1kb\"");
    let mut wire = gateway.wire();
    wire.send("POST /api/x HTTP/1.1\r\nhost: test\r\ncontent-length: 1025\r\n\r\n");
    let refused = wire.answer();
    assert_eq!((refused.status, &refused.json()["code"]), (413, &json!("body_too_large")));
    assert_eq!(backend.heads().len(), 0);
    assert_eq!(send("POST", &gateway.url("/api/x"), &[], &"x".repeat(1024)).status, 200);
}

#[test]
fn a_body_that_grows_too_large_is_refused_midway() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "max_body = \"1kb\"");
    let mut wire = gateway.wire();
    wire.send("POST /api/count HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    let piece = format!("200\r\n{}\r\n", "x".repeat(0x200));
    for _ in 0..3 {
        wire.send(&piece);
    }
    let refused = wire.answer();
    assert_eq!((refused.status, &refused.json()["code"]), (413, &json!("body_too_large")));
    assert_eq!(gateway.line_for(&refused)["flag"], "TL");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it is no fault of the backend");
}

#[test]
fn an_answer_that_breaks_off_is_never_taken_for_whole() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "retry = { max_retries = 2 }", "");
    let fault = [("x-fault", "truncate"), ("x-request-id", "truncated-1")];
    assert!(try_send("GET", &gateway.url("/api/products"), &fault, "").is_err());
    let line = gateway.line_of("truncated-1");
    assert_eq!(
        (&line["status"], &line["flag"], &line["tries"]),
        (&json!(200), &json!("UR"), &json!(1)),
        "{line}"
    );

    let chunked = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
        Err(std::io::ErrorKind::Other.into())
    });
    let gateway = before(chunked.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/x", &[]);
    assert!(wire.try_answer().is_err(), "the last chunk must not come");
}

#[test]
fn what_a_backend_is_told_of_a_body_is_what_the_client_said() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let told = send_json("POST", &gateway.url("/api/headers"), &[], &json!({ "a": 1 })).json();
    assert_eq!(
        (&told["content_length"], &told["headers"]["content-type"]),
        (&json!(7), &json!(["application/json"]))
    );
    let nothing = get(&gateway.url("/api/headers")).json();
    assert_eq!(nothing["headers"]["transfer-encoding"], json!(null));
    until("the backend is idle", || (get(&shop.url("/faults")).json()["requests"] == 2).then_some(()));
}
