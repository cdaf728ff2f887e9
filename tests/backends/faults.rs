//! Faults, down to the bytes on the wire, and graceful stops.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use serde_json::{Value, json};

use crate::commerce;
use crate::support::http::{get, send, try_send};
use crate::support::process::{PATIENCE, Process};

/// Asks until a fault of this kind has been injected, that is, until its request has arrived.
fn await_fault(shop: &Process, kind: &str) {
    let deadline = Instant::now() + PATIENCE;
    while get(&shop.url("/faults")).json()["injected"][kind] != 1 {
        assert!(Instant::now() < deadline, "no {kind} was injected");
    }
}

#[test]
fn faults_are_switched_for_all_and_counted() {
    let shop = commerce();
    assert_eq!(send("PUT", &shop.url("/faults"), &[], "status=503").status, 204);
    let failed = get(&shop.url("/products"));
    assert_eq!((failed.status, &failed.json()["code"]), (503, &json!("injected_fault")));
    assert_eq!(get(&shop.url("/healthz")).status, 200);

    send("PUT", &shop.url("/faults"), &[], "status=500;health=true");
    assert_eq!(get(&shop.url("/healthz")).status, 500);
    assert_eq!(get(&shop.url("/faults")).json()["injected"]["status"], 2);

    assert_eq!(send("DELETE", &shop.url("/faults"), &[], "").status, 204);
    assert_eq!(get(&shop.url("/products")).status, 200);
    assert_eq!(get(&shop.url("/faults")).json()["mode"], Value::Null);
}

#[test]
fn faults_are_asked_for_by_header() {
    let shop = commerce();
    let ask = |fault| send("GET", &shop.url("/products/p-0001"), &[("x-fault", fault)], "").status;
    assert_eq!(ask("status=418"), 418);
    assert_eq!(ask("delay=1ms"), 200);
    assert_eq!(ask("probability=0;status=500"), 200);
    assert_eq!(ask("probability=1;status=500"), 500);
    assert_eq!(ask("nonsense"), 422);
    assert!(try_send("GET", &shop.url("/healthz"), &[("x-fault", "reset")], "").is_err());
}

fn request(path: &str, fault: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\nx-fault: {fault}\r\n\r\n")
}

#[test]
fn a_reset_arrives_as_a_reset_before_any_byte() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "reset").as_bytes()).unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_truncated_answer_breaks_off_half_way() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "truncate").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 1024"), "{head}");
    assert_eq!(body.len(), 512);
}

#[test]
fn a_hanging_request_is_logged_when_the_caller_leaves() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/hangs", "hang").as_bytes()).unwrap();
    await_fault(&shop, "hang");
    drop(stream);
    let line: Value = serde_json::from_str(&shop.log_line(&["/hangs"])).unwrap();
    assert_eq!(line.get("status"), None);
}

#[test]
fn a_stop_lets_the_request_in_flight_finish() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products/p-0001", "delay=300ms").as_bytes()).unwrap();
    await_fault(&shop, "delay");
    assert_eq!(shop.stop().code(), Some(0));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("p-0001"), "{answer}");
}

#[test]
fn a_stop_cuts_what_never_finishes() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "hang").as_bytes()).unwrap();
    await_fault(&shop, "hang");
    assert_eq!(shop.stop().code(), Some(0));
}
