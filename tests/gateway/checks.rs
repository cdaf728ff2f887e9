//! What an active check asks, and what it takes for an answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::double::Double;
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::wait::until;
use crate::{app, before};

const OFTEN: &str =
    "interval = \"200ms\", timeout = \"190ms\", unhealthy_interval = \"50ms\", healthy_after = 1";

/// What the admin API says of the only endpoint, once its reason is this.
fn once(gateway: &Gateway, reason: &str) -> Value {
    until(reason, || {
        let endpoint = gateway.ask_admin("/upstreams").json()["app"]["endpoints"][0].take();
        (endpoint["reason"] == reason).then_some(endpoint)
    })
}

#[test]
fn a_check_asks_for_its_host_and_looks_for_its_text() {
    let is_ready = Arc::new(AtomicBool::new(true));
    let theirs = is_ready.clone();
    let backend = Double::start(move |_, wire| match theirs.load(Ordering::SeqCst) {
        true => wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"state\": \"ready\"}"),
        false => wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"state\": \"starting\"}"),
    });
    let health =
        format!("path = \"/state?of=all\", host = \"shop.internal\", expect_body = \"ready\", {OFTEN}");
    let gateway = before(backend.address(), &format!("health = {{ {health} }}"), "");
    once(&gateway, "check passed");
    let head = backend.heads().remove(0).to_ascii_lowercase();
    for line in ["get /state?of=all http/1.1", "host: shop.internal", "connection: close"] {
        assert!(head.lines().any(|it| it == line), "{head}");
    }
    is_ready.store(false, Ordering::SeqCst);
    assert_eq!(once(&gateway, "the body does not contain \"ready\"")["state"], "unhealthy");
    is_ready.store(true, Ordering::SeqCst);
    once(&gateway, "check passed");
}

#[test]
fn a_text_beyond_the_first_64_kib_is_not_looked_for() {
    let long = format!("{}ready", ".".repeat(64 << 10));
    let answer: &'static str = Box::leak(
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{long}", long.len()).into_boxed_str(),
    );
    let backend = Double::answering(answer);
    let gateway = before(
        backend.address(),
        &format!("health = {{ path = \"/\", expect_body = \"ready\", {OFTEN} }}"),
        "",
    );
    once(&gateway, "the body does not contain \"ready\"");
}

#[test]
fn a_check_over_a_unix_socket_names_a_host() {
    let folder = Folder::new("checks");
    let path = folder.file("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        head
    });
    let health = format!("health = {{ path = \"/state\", {OFTEN} }}");
    let _gateway = Gateway::start(&app(&[format!("{{ address = \"unix:{path}\" }}")], &health, ""));
    let head = server.join().unwrap();
    assert!(head.iter().any(|line| line.eq_ignore_ascii_case("host: localhost")), "{head:#?}");
}
