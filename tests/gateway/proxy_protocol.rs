//! The PROXY protocol: a balancer that says who the client is, and those who must not.

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::{app, commerce, endpoint};

const ON: &str = "proxy_protocol = true";

fn start(shop: &Process, listener: &str, server: &str) -> Gateway {
    let config = app(&[endpoint(shop.address())], "", "");
    Gateway::listening(&format!("{ON}\n{listener}"), &format!("{config}\n{server}"))
}

/// A header of version 2 that says `PROXY` from 203.0.113.9:4711, with something after the addresses.
fn binary(command: u8) -> Vec<u8> {
    let body = [203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 0, 80, 0x04, 0, 1, 0];
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, 0x11, 0, 16], &body].concat()
}

#[test]
fn the_client_is_whom_the_balancer_names() {
    let shop = commerce("shop");
    let gateway = start(&shop, "", "");
    let line = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n".to_vec();
    for header in [line, binary(0x21)] {
        let mut wire = gateway.wire();
        wire.send(&header);
        for _ in 0..2 {
            let answer = wire.get("/api/headers", &["x-forwarded-for: 198.51.100.1"]);
            assert_eq!(answer.json()["headers"]["x-forwarded-for"], json!(["203.0.113.9"]));
            assert_eq!(gateway.line_for(&answer)["client"], "203.0.113.9");
        }
    }
}

#[test]
fn a_header_may_come_in_pieces_and_glued_to_a_request() {
    let shop = commerce("shop");
    let gateway = start(&shop, "", "");
    let mut wire = gateway.wire();
    for piece in
        ["PRO", "XY TCP6 2001:db8::9 ::1 4711", " 80\r", "\nGET /api/headers HTTP/1.1\r\nhost: test\r\n\r\n"]
    {
        wire.send(piece);
    }
    assert_eq!(wire.answer().json()["headers"]["x-forwarded-for"], json!(["2001:db8::9"]));
}

#[test]
fn a_balancer_that_speaks_for_itself_keeps_its_address() {
    let shop = commerce("shop");
    let gateway = start(&shop, "", "");
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20)] {
        let mut wire = gateway.wire();
        wire.send(&header);
        let seen = wire.get("/api/headers", &[]).json();
        assert_eq!(seen["headers"]["x-forwarded-for"], json!(["127.0.0.1"]));
    }
}

#[test]
fn whoever_does_not_say_it_well_is_refused_and_counted() {
    let shop = commerce("shop");
    let gateway = start(&shop, "", "");
    let wrong: [&[u8]; 3] =
        [b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n", b"PROXY TCP4 nobody 192.0.2.1 1 2\r\n", &binary(0x31)];
    for bytes in wrong {
        let mut wire = gateway.wire();
        let _ = wire.try_send(bytes);
        assert_eq!(wire.rest(), "");
    }
    assert_eq!(gateway.metric("olympus_connections_refused_total", &["cause=\"proxy_header\""]), 3.0);
    let refused = gateway.wire();
    drop(refused);
    assert_eq!(gateway.metric("olympus_connections_refused_total", &["cause=\"proxy_header\""]), 3.0);
}

#[test]
fn only_trusted_proxies_may_say_it() {
    let shop = commerce("shop");
    let others = start(&shop, "", "[server]\ntrusted_proxies = [\"10.0.0.0/8\"]");
    let refused = || others.metric("olympus_connections_refused_total", &["cause=\"untrusted_proxy\""]);
    drop(others.wire());
    assert_eq!(refused(), 0.0, "who says nothing, as the gateway itself at its start, wanted nothing");
    let mut wire = others.wire();
    let _ = wire.try_send("PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n");
    assert_eq!(wire.rest(), "");
    assert_eq!(refused(), 1.0);

    let ours = start(&shop, "", "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]");
    let mut wire = ours.wire();
    wire.send("PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n");
    assert_eq!(
        wire.get("/api/headers", &[]).json()["headers"]["x-forwarded-for"],
        json!(["203.0.113.9"]),
        "the client is no trusted proxy, whoever brought it"
    );
}

#[test]
fn limits_count_the_client_that_was_named() {
    let shop = commerce("shop");
    let gateway = start(&shop, "max_connections_per_ip = 1", "");
    let ask = |last: u8| {
        let mut wire = gateway.wire();
        wire.send(format!("PROXY TCP4 203.0.113.{last} 192.0.2.1 4711 80\r\n"));
        wire
    };
    let mut first = ask(1);
    assert_eq!(first.get("/livez", &[]).status, 200);
    assert_eq!(ask(2).get("/livez", &[]).status, 200);
    assert_eq!(ask(1).rest(), "", "it has a connection already");
    assert_eq!(first.get("/livez", &[]).status, 200);
}
