//! Tunnels: after an upgrade the gateway passes bytes both ways until one side ends, however long that takes.

use std::io::{Error, ErrorKind};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::json;

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::process::PATIENCE;
use crate::support::wait::pass;
use crate::support::wire::Wire;
use crate::{app, before, commerce, endpoint};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
/// The text frame `ping`, masked with zeros as a client's, and as a server sends it back.
const PING: &[u8] = b"\x81\x84\0\0\0\0ping";
const ECHO: &[u8] = b"\x81\x04ping";

#[test]
fn messages_pass_both_ways_from_the_first_byte_on() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "tunnel-1");
    for _ in 0..3 {
        wire.send(PING);
        assert_eq!(wire.take(ECHO.len()).unwrap(), ECHO);
    }
    drop(wire);
    let line = gateway.line_of("tunnel-1");
    assert_eq!((&line["status"], &line["flag"]), (&json!(101), &json!("-")), "{line}");
    assert_eq!(line["bytes_sent"], 3 * ECHO.len(), "{line}");

    let backend = Double::start(|_, wire| wire.try_send([SWITCH.as_bytes(), b"welcome"].concat()));
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "tunnel-2");
    assert_eq!(wire.take(7).unwrap(), b"welcome");
}

#[test]
fn a_silent_tunnel_outlives_every_timeout() {
    let shop = commerce("shop");
    let times = "try_timeout = \"200ms\"\nconnect_timeout = \"100ms\"\nidle_timeout = \"200ms\"\nretry = { max_retries = 0 }";
    let config = app(&[endpoint(shop.address())], times, "response_timeout = \"200ms\"");
    let gateway = Gateway::start(&format!(
        "{config}\n[server.timeouts]\nheader = \"300ms\"\nbody_idle = \"200ms\"\nidle = \"1s\"\n"
    ));
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "silent-tunnel");
    for _ in 0..2 {
        pass(Duration::from_millis(1200));
        wire.send(PING);
        assert_eq!(wire.take(ECHO.len()).unwrap(), ECHO);
    }
}

#[test]
fn a_tunnel_that_breaks_carries_nothing_of_the_gateways() {
    let (tell, told) = channel();
    let backend = Double::start(move |_, wire| {
        wire.try_send(SWITCH)?;
        wire.take(1)?;
        tell.send(()).unwrap();
        // What comes now is left unread, so that the kernel resets the connection.
        pass(Duration::from_millis(100));
        Err(Error::from(ErrorKind::Other))
    });
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "broken-tunnel");
    wire.send("a");
    told.recv_timeout(PATIENCE).unwrap();
    wire.send("b");
    assert_eq!(wire.rest(), "", "no problem document among the frames");
    assert_eq!(gateway.line_of("broken-tunnel")["status"], 101);
}

#[test]
fn either_side_ends_the_tunnel_for_the_other() {
    let (tell, told) = channel();
    let backend = Double::start(move |_, wire| {
        wire.try_send(SWITCH)?;
        tell.send(wire.rest()).unwrap();
        Err(Error::from(ErrorKind::Other))
    });
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "left-tunnel");
    wire.send("farewell");
    drop(wire);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "farewell");

    let backend = Double::start(|_, wire| {
        wire.try_send(SWITCH)?;
        Err(Error::from(ErrorKind::Other))
    });
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "closed-tunnel");
    assert_eq!(wire.rest(), "");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "a tunnel may end");
}

#[test]
fn an_upgrade_that_is_refused_is_an_answer_like_others() {
    let backend = Double::answering("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 3\r\n\r\nno!");
    let gateway = before(backend.address(), "", "");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/ws", &["connection: upgrade", "upgrade: websocket"]);
    let refused = wire.answer();
    assert_eq!((refused.status, refused.body.as_str()), (426, "no!"));
}

#[test]
fn who_merely_says_upgrade_is_bound_by_all_limits() {
    let slow = Double::start(|head, wire| {
        if head.starts_with("GET") {
            wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")?;
        }
        wire.rest();
        Err(Error::from(ErrorKind::Other))
    });
    let config = app(&[endpoint(slow.address())], "idle_timeout = \"200ms\"", "");
    let gateway = Gateway::start(&format!("{config}\n[server.timeouts]\nbody_idle = \"200ms\"\n"));
    let mut wire = gateway.wire();
    wire.ask("POST", "/api/x", &["upgrade: x", "connection: upgrade", "content-length: 10"]);
    wire.send("1");
    assert_eq!(wire.answer().status, 408, "the body stalls");
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/x", &["upgrade: h2c", "connection: upgrade", "x-request-id: stalled-answer"]);
    assert!(wire.try_answer().is_err(), "the answer stalls");
    assert_eq!(gateway.line_of("stalled-answer")["flag"], json!("UR"));
}

#[test]
fn a_tunnel_stays_however_fast_the_backend_accepts_it() {
    // It sends its 101 before it has read anything: whoever comes late with the end of the request is found out.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let backend = listener.local_addr().unwrap();
    let tunnels = 40;
    let server = std::thread::spawn(move || {
        for _ in 0..tunnels {
            let mut wire = Wire::over(listener.accept().unwrap().0);
            wire.send(SWITCH);
            wire.try_head_text().unwrap();
            let frame = wire.take(PING.len()).unwrap();
            assert_eq!(frame, PING);
            wire.send(ECHO);
        }
    });
    let gateway = before(backend, "", "");
    for number in 0..tunnels {
        let mut wire = gateway.wire();
        wire.open_socket("/api/ws", &format!("eager-{number}"));
        pass(Duration::from_millis(2));
        wire.send(PING);
        assert_eq!(wire.take(ECHO.len()).unwrap(), ECHO, "tunnel {number}");
    }
    server.join().unwrap();
}

#[test]
fn a_tunnel_may_carry_more_than_a_body_may() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "max_body = \"10b\"");
    let mut wire = gateway.wire();
    wire.open_socket("/api/ws", "long-tunnel");
    for _ in 0..20 {
        wire.send(PING);
        assert_eq!(wire.take(ECHO.len()).unwrap(), ECHO);
    }
}
