//! The end of the process: who is still served, for how long, and what is written down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{get, try_send};
use crate::support::process::Process;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

fn draining(shop: &Process, delay: &str, timeout: &str) -> Gateway {
    let config = app(&[endpoint(shop.address())], "try_timeout = \"3s\"", "");
    Gateway::start(&format!("{config}\n[server.drain]\ndelay = \"{delay}\"\ntimeout = \"{timeout}\"\n"))
}

fn await_draining(gateway: &Gateway) {
    until("readiness is gone", || (get(&gateway.metrics_url("/readyz")).status == 503).then_some(()));
}

/// Sends a request that takes `delay` and returns when the backend has it.
fn slow_request(gateway: &Gateway, shop: &Process, delay: &str) -> crate::support::wire::Wire {
    let mut wire = gateway.wire();
    wire.ask(
        "GET",
        "/api/products/p-0001",
        &[&format!("x-fault: delay={delay}"), "x-request-id: slow-request"],
    );
    let injected = || get(&shop.url("/faults")).json()["injected"]["delay"].as_u64();
    until("the backend has it", || injected().filter(|count| *count > 0));
    wire
}

#[test]
fn a_drain_serves_on_asks_to_leave_and_ends_when_it_is_idle() {
    let shop = commerce("shop");
    let mut gateway = draining(&shop, "1s", "60s");
    let mut kept = gateway.wire();
    assert_ne!(kept.get("/api/products/p-0001", &[]).header("connection"), "close");
    let mut slow = slow_request(&gateway, &shop, "2s");
    let begun = Instant::now();
    gateway.signal("TERM");
    await_draining(&gateway);
    assert!(begun.elapsed() < Duration::from_millis(900), "at once: {:?}", begun.elapsed());

    let last = kept.get("/api/products/p-0001", &["x-request-id: kept-connection"]);
    assert_eq!((last.status, last.header("connection")), (200, "close"));
    assert_eq!(kept.rest(), "");
    for path in ["/api/products/p-0002", "/livez", "/nowhere", "/readyz"] {
        let answer = gateway.wire().get(path, &[]);
        assert_eq!(answer.header("connection"), "close", "{path}");
        assert_eq!(
            answer.status,
            match path {
                "/nowhere" => 404,
                "/readyz" => 503,
                _ => 200,
            }
        );
    }
    let answer = slow.answer();
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!("p-0001")));
    assert_eq!(answer.header("connection"), "close", "listeners have closed since it was asked for");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "soon after it is idle: {:?}", begun.elapsed());
    let lines: Vec<Value> =
        gateway.access.all().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for id in ["kept-connection", "slow-request"] {
        let line = lines.iter().find(|line| line["request_id"] == id).unwrap();
        assert_eq!(line["status"], 200, "{line}");
    }
}

#[test]
fn requests_out_of_time_are_cut_and_said_so() {
    let shop = commerce("shop");
    let mut gateway = draining(&shop, "0s", "300ms");
    let mut slow = slow_request(&gateway, &shop, "2s");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(slow.try_answer().is_err());
    gateway.messages.find("the cut", |line| line.contains("were cut") && line.contains("\"in_flight\":1"));
}

#[test]
fn a_second_signal_ends_at_once() {
    let shop = commerce("shop");
    let mut gateway = draining(&shop, "60s", "60s");
    let begun = Instant::now();
    gateway.signal("TERM");
    await_draining(&gateway);
    gateway.signal("TERM");
    gateway.wait();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn an_interrupt_has_no_delay() {
    let shop = commerce("shop");
    let mut gateway = draining(&shop, "60s", "60s");
    let slow = slow_request(&gateway, &shop, "500ms");
    let begun = Instant::now();
    gateway.signal("INT");
    let mut slow = slow;
    assert_eq!(slow.answer().status, 200, "what is in flight is served");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn every_answered_request_has_its_line() {
    let shop = commerce("shop");
    let gateway = draining(&shop, "0s", "5s");
    let answered: usize = std::thread::scope(|scope| {
        let clients = [(); 4].map(|()| {
            scope.spawn(|| {
                let mut wire = gateway.wire();
                (0..100).filter(|_| wire.get("/api/products/p-0001", &[]).status == 200).count()
            })
        });
        // The signal comes at once after the last answer, when lines still wait for the writer.
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let lines = gateway.stop();
    let of_route = lines.iter().filter(|line| line["route"] == "app" && line["status"] == 200).count();
    assert_eq!((answered, of_route), (400, 400));
}

#[test]
fn no_request_is_lost_by_a_drain_under_load() {
    let shop = commerce("shop");
    let mut gateway = draining(&shop, "2s", "10s");
    let (url, readiness) = (gateway.url("/api/products/p-0001"), gateway.metrics_url("/readyz"));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let client = || {
            let (mut failures, mut sent) = (Vec::new(), 0);
            // As a balancer does it: no new connection once the gateway says that it is not ready.
            while try_send("GET", &readiness, &[], "").is_ok_and(|answer| answer.status == 200) {
                match try_send("GET", &url, &[], "") {
                    Ok(answer) if answer.status == 200 => sent += 1,
                    Ok(answer) => failures.push(format!("{}", answer.status)),
                    Err(error) => failures.push(error.to_string()),
                }
            }
            assert!(sent > 0);
            failures
        };
        let clients = [(); 3].map(|()| scope.spawn(client));
        gateway.access.find("requests flow", |line| line.contains("\"app\""));
        gateway.signal("TERM");
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(failures, Vec::<String>::new());
}
