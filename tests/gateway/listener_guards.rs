//! What a listener demands of connections before HTTP: how many there may be, how large and how slow a head may be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::process::PATIENCE;
use crate::support::wait::pass;
use crate::support::wait::until;
use crate::support::wire::Wire;
use crate::{app, before, commerce, endpoint};

fn refused(gateway: &Gateway, cause: &str) -> f64 {
    let labels = ["listener=\"public\"", &format!("cause=\"{cause}\"")];
    gateway.metric("olympus_connections_refused_total", &labels)
}

fn open(gateway: &Gateway) -> f64 {
    gateway.metric("olympus_connections_open", &["listener=\"public\""])
}

/// Sends a byte every few milliseconds until the other side ends the connection, and returns what it said.
fn drip(mut wire: Wire, every: Duration) -> String {
    let mut other = wire.other_end();
    std::thread::scope(|scope| {
        let said = scope.spawn(move || other.rest());
        while !said.is_finished() && wire.try_send("x").is_ok() {
            pass(every);
        }
        said.join().unwrap()
    })
}

#[test]
fn more_connections_than_there_may_be_are_closed_at_once_and_counted() {
    let gateway = Gateway::listening("max_connections = 3", "");
    until("the connections that looked whether it is up are gone", || (open(&gateway) == 0.0).then_some(()));
    let mut kept: Vec<Wire> = (0..3).map(|_| gateway.wire()).collect();
    for wire in &mut kept {
        assert_eq!(wire.get("/livez", &[]).status, 200);
    }
    assert_eq!(gateway.wire().rest(), "", "it is closed before it asks");
    assert_eq!((refused(&gateway, "max_connections"), open(&gateway)), (1.0, 3.0));
    assert_eq!(kept[0].get("/livez", &[]).status, 200, "the others go on");
    drop(kept);
    until("there is room again", || (open(&gateway) == 0.0).then_some(()));
    assert_eq!(gateway.get("/livez").status, 200);
}

#[test]
fn one_client_has_no_more_connections_than_it_may() {
    let gateway = Gateway::listening("max_connections_per_ip = 2", "");
    until("the connections that looked whether it is up are gone", || (open(&gateway) == 0.0).then_some(()));
    let mut kept: Vec<Wire> = (0..2).map(|_| gateway.wire()).collect();
    for wire in &mut kept {
        assert_eq!(wire.get("/livez", &[]).status, 200);
    }
    assert_eq!(gateway.wire().rest(), "");
    assert_eq!(refused(&gateway, "max_connections_per_ip"), 1.0);
}

#[test]
fn a_trusted_proxy_may_bring_as_many_as_the_listener_takes() {
    let config = "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]";
    let gateway = Gateway::listening("max_connections_per_ip = 1", config);
    let mut kept: Vec<Wire> = (0..3).map(|_| gateway.wire()).collect();
    for wire in &mut kept {
        assert_eq!(wire.get("/livez", &[]).status, 200);
    }
}

#[test]
fn a_head_that_drips_is_cut_at_its_total_deadline() {
    let gateway = Gateway::start("[server.timeouts]\nheader = \"500ms\"");
    let mut wire = gateway.wire();
    wire.send("GET /livez HTTP/1.1\r\nhost: test\r\nx-slow: ");
    let begun = Instant::now();
    let said = drip(wire, Duration::from_millis(20));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"request_timeout\""), "{said}");
    assert_eq!(refused(&gateway, "header_timeout"), 1.0);
    until("it is gone", || (open(&gateway) == 0.0).then_some(()));
}

#[test]
fn the_second_head_of_a_connection_has_a_deadline_too() {
    let gateway = Gateway::start("[server.timeouts]\nheader = \"500ms\"");
    let mut wire = gateway.wire();
    assert_eq!(wire.get("/livez", &[]).status, 200);
    wire.send("GET /livez HTTP/1.1\r\nx-slow: ");
    assert!(drip(wire, Duration::from_millis(20)).starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_connection_that_never_speaks_is_cut() {
    let gateway = Gateway::start("[server.timeouts]\nheader = \"300ms\"");
    assert_eq!(gateway.wire().rest(), "");
    let mut begun = gateway.wire();
    begun.send("PRI * HTTP/2.0\r\n");
    assert_eq!(begun.rest(), "", "half a preface is not the start of anything");
    assert_eq!(refused(&gateway, "header_timeout"), 2.0);
}

#[test]
fn a_head_over_the_limits_is_answered_with_431() {
    let config = "[server.limits]\nheader_bytes = \"4kb\"\nheaders = 20";
    let gateway = Gateway::start(config);
    let large = format!("x-large: {}", "x".repeat(5000));
    let answer = gateway.wire().get("/livez", &[&large]);
    assert_eq!((answer.status, &answer.json()["code"]), (431, &json!("head_too_large")));
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(refused(&gateway, "header_bytes"), 1.0);

    let many = vec!["a: b"; 20];
    let answer = gateway.wire().get("/livez", &many);
    assert_eq!((answer.status, &answer.json()["code"]), (431, &json!("head_too_large")));
    assert_eq!(gateway.line_for(&answer)["flag"], "DPE");
    assert_eq!(gateway.wire().get("/livez", &many[1..]).status, 200);

    let bomb = vec!["a: b"; 300];
    assert_eq!(gateway.wire().get("/livez", &bomb).status, 431);
    assert_eq!(refused(&gateway, "headers"), 1.0);
}

#[test]
fn requests_arrive_whole_however_their_bytes_are_split_or_joined() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let mut wire = gateway.wire();
    wire.send("GET /livez HTTP/1.0\r\n\r\n");
    assert_eq!(wire.answer().status, 200, "a short request of HTTP/1.0");

    let one = "POST /api/echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody";
    let mut wire = gateway.wire();
    for byte in one.as_bytes() {
        wire.send([*byte]);
    }
    assert_eq!(wire.answer().body, "body", "byte by byte");

    let many = format!("{one}GET /api/bytes/3 HTTP/1.1\r\nhost: test\r\n\r\n");
    for split in 0..many.len() {
        let (first, second) = many.split_at(split);
        wire.send(first);
        wire.send(second);
        assert_eq!((wire.answer().body.as_str(), wire.answer().body.len()), ("body", 3), "split at {split}");
    }
}

#[test]
fn a_pipelined_upload_is_not_taken_for_a_head() {
    let shop = commerce("shop");
    let config = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&format!("{config}\n[server.limits]\nheader_bytes = \"1kb\""));
    let upload = "POST /api/count HTTP/1.1\r\nhost: test\r\ncontent-length: 9000\r\n\r\n";
    for cut in 0..4 {
        let (begin, end) = upload.split_at(upload.len() - cut);
        let mut wire = gateway.wire();
        wire.send(format!("GET /api/bytes/3 HTTP/1.1\r\nhost: test\r\n\r\n{begin}"));
        assert_eq!(wire.answer().body.len(), 3);
        wire.send(format!("{end}{}", "x".repeat(9000)));
        let answer = wire.answer();
        assert_eq!((answer.status, answer.json()), (200, json!({ "bytes": 9000 })), "{cut}");
    }
}

#[test]
fn a_pipelined_upload_may_take_longer_than_a_head() {
    let shop = commerce("shop");
    let config = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&format!("{config}\n[server.timeouts]\nheader = \"400ms\""));
    let mut wire = gateway.wire();
    let get = "GET /api/bytes/3 HTTP/1.1\r\nhost: test\r\n\r\n";
    wire.send(format!("{get}POST /api/count HTTP/1.1\r\nhost: test\r\ncontent-length: 20\r\n\r\nbegun"));
    assert_eq!(wire.answer().body.len(), 3);
    for _ in 0..15 {
        pass(Duration::from_millis(60));
        wire.send(".");
    }
    assert_eq!(wire.answer().json(), json!({ "bytes": 20 }));
}

#[test]
fn a_flood_of_pings_is_told_to_calm_down() {
    let gateway = Gateway::start("");
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend(ping.repeat(2000));
    stream.write_all(&bytes).unwrap();
    let mut told = Vec::new();
    stream.read_to_end(&mut told).unwrap();
    assert!(told.ends_with(&[0, 0, 0, 11]), "the last frame is GOAWAY with ENHANCE_YOUR_CALM");
    assert_eq!(refused(&gateway, "h2_ping_flood"), 1.0);
    assert_eq!(gateway.get("/livez").status, 200);
}
