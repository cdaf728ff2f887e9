//! Backends that die, refuse, reset or answer nonsense: what clients see of it, and what operators do.

use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, get, send};
use crate::support::port::Port;
use crate::support::process::Process;
use crate::support::wait::until;
use crate::{app, before, commerce, endpoint};

/// Checks that find a change within moments.
const CHECKS: &str = r#"health = { path = "/healthz", interval = "60ms", timeout = "50ms", unhealthy_after = 2, healthy_after = 1 }"#;

fn state(gateway: &Gateway, index: usize) -> Value {
    gateway.ask_admin("/upstreams").json()["app"]["endpoints"][index]["state"].take()
}

/// Status, code, flag and tries of a failure.
fn told(gateway: &Gateway, answer: &Answer) -> (u16, Value, Value, Value) {
    let line = gateway.line_for(answer);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    (answer.status, answer.json()["code"].take(), line["flag"].clone(), line["tries"].clone())
}

#[test]
fn no_client_sees_an_endpoint_die_and_traffic_returns_with_it() {
    let ports = [(); 3].map(|()| Port::reserve());
    let mut shops: Vec<Option<Process>> = (ports.iter().zip(["a", "b", "c"]))
        .map(|(port, name)| Some(Process::example_at("commerce", name, port.address())))
        .collect();
    let entries: Vec<String> = ports.iter().map(|port| endpoint(port.address())).collect();
    // Checks find the death late, so that many requests meet it.
    let checks = CHECKS.replace("60ms", "300ms");
    let gateway = Gateway::start(&app(&entries, &format!("{checks}\ntry_timeout = \"3s\""), ""));
    let (is_over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = [(); 4]
            .map(|()| {
                scope.spawn(|| {
                    let mut wire = gateway.wire();
                    let mut failures = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let answer = wire.get("/api/products/p-0001", &[]);
                        sent.fetch_add(1, Ordering::SeqCst);
                        if answer.status != 200 {
                            failures.push(format!("{} {}", answer.status, answer.body));
                        }
                    }
                    failures
                })
            })
            .into();
        for index in [0, 1] {
            let seen = sent.load(Ordering::SeqCst);
            until("traffic flows", || (sent.load(Ordering::SeqCst) > seen + 30).then_some(()));
            shops[index].take().unwrap().kill();
            until("the death is noticed", || (state(&gateway, index) == "unhealthy").then_some(()));
        }
        for (index, name) in [(0, "a"), (1, "b")] {
            shops[index] = Some(Process::example_at("commerce", name, ports[index].address()));
            until("the return is noticed", || (state(&gateway, index) == "healthy").then_some(()));
            let shop = shops[index].as_ref().unwrap();
            let asked = || get(&shop.url("/faults")).json()["requests"].as_u64().unwrap();
            let idle = asked();
            until("traffic returns", || (asked() > idle + 10).then_some(()));
        }
        is_over.store(true, Ordering::SeqCst);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(failures, Vec::<String>::new(), "of {} requests", sent.load(Ordering::SeqCst));
}

#[test]
fn refused_connections_move_on_at_once_with_any_method() {
    let (nobody, shop) = (Port::reserve(), commerce("shop"));
    let entries = [endpoint(nobody.address()), endpoint(shop.address())];
    let gateway = Gateway::start(&app(&entries, "balance = \"wrr\"", ""));
    for method in ["GET", "POST"] {
        let mut retried = 0;
        for _ in 0..4 {
            let answer =
                send(method, &gateway.url("/api/echo"), &[], if method == "POST" { "once" } else { "" });
            assert_eq!(answer.status, 200);
            let line = gateway.line_for(&answer);
            retried += usize::from(line["tries"] == 2);
            assert_eq!(line["endpoint"], shop.address().to_string());
        }
        assert_eq!(retried, 2, "{method}: every other request begins where nobody is");
    }
    let refused = |cause| gateway.metric("olympus_upstream_failures_total", &[&format!("cause=\"{cause}\"")]);
    assert_eq!(refused("refused"), 4.0, "{}", get(&gateway.metrics_url("/metrics")).body);
    assert_eq!(gateway.metric("olympus_upstream_retries_total", &["olympus_upstream=\"app\""]), 4.0);
}

#[test]
fn a_reset_before_the_answer_is_tried_again_only_where_that_is_safe() {
    let shops = ["a", "b"].map(commerce);
    let entries = shops.each_ref().map(|shop| endpoint(shop.address()));
    let gateway = Gateway::start(&app(&entries, "balance = \"wrr\"", ""));
    send("PUT", &shops[0].url("/faults"), &[], "reset");
    let mut tries = [0; 3];
    for _ in 0..4 {
        let answer = gateway.get("/api/products");
        assert_eq!(answer.status, 200);
        tries[usize::try_from(gateway.line_for(&answer)["tries"].as_u64().unwrap()).unwrap()] += 1;
    }
    assert_eq!(tries, [0, 2, 2]);

    let mut answers: Vec<_> = (0..4)
        .map(|_| send("POST", &gateway.url("/api/echo"), &[], "once"))
        .map(|answer| if answer.status == 200 { None } else { Some(told(&gateway, &answer)) })
        .collect();
    answers.sort_by_key(Option::is_some);
    let failed = Some((502, json!("bad_gateway"), json!("UC"), json!(1)));
    assert_eq!(answers, [None, None, failed.clone(), failed]);
}

#[test]
fn a_lone_endpoint_that_fails_is_a_problem_with_its_cause() {
    let (shop, nobody) = (commerce("shop"), Port::reserve());
    let nonsense = Double::answering("this is not HTTP\r\n\r\n");
    let quick = "try_timeout = \"300ms\"\nconnect_timeout = \"200ms\"\nretry = { max_retries = 0 }";
    let cases = [
        (nobody.address(), "", 502, "bad_gateway", "UF", "connection_refused"),
        (shop.address(), "reset", 502, "bad_gateway", "UC", "connection_terminated"),
        (shop.address(), "hang", 504, "gateway_timeout", "UT", "http_response_timeout"),
        (nonsense.address(), "", 502, "bad_gateway", "UPE", "http_protocol_error"),
    ];
    for (address, fault, status, code, flag, proxy_status) in cases {
        let gateway = before(address, quick, "");
        let answer = send(
            "GET",
            &gateway.url("/api/products"),
            &[("x-fault", fault)][..usize::from(!fault.is_empty())],
            "",
        );
        assert_eq!(told(&gateway, &answer), (status, json!(code), json!(flag), json!(1)), "{fault}");
        assert_eq!(answer.header("proxy-status"), format!("olympus; error={proxy_status}"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.json()["instance"], "/api/products");
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    }
}

#[test]
fn an_answer_that_tells_of_a_failure_says_that_the_connection_ends() {
    let (shop, nobody) = (commerce("shop"), Port::reserve());
    for (address, fault) in [(nobody.address(), "delay=1ms"), (shop.address(), "reset")] {
        let gateway = before(address, "retry = { max_retries = 0 }", "");
        for body in ["", "hello"] {
            let mut wire = gateway.wire();
            let length = body.len();
            wire.send(format!(
                "POST /api/echo HTTP/1.1\r\nhost: test\r\nx-fault: {fault}\r\ncontent-length: {length}\r\n\r\n"
            ));
            // It may come after the answer, and must not cost the client the answer.
            let _ = wire.try_send(body);
            let answer = wire.answer();
            assert_eq!((answer.status, answer.header("connection")), (502, "close"));
            assert_eq!(wire.rest(), "");
        }
    }
}

#[test]
fn every_endpoint_down_is_said_promptly() {
    let nobody = [(); 3].map(|()| Port::reserve());
    let entries = nobody.each_ref().map(|port| endpoint(port.address()));
    let gateway = Gateway::start(&app(&entries, "", ""));
    let begun = Instant::now();
    let answer = gateway.get("/api/products");
    assert_eq!(told(&gateway, &answer), (502, json!("bad_gateway"), json!("UF"), json!(3)));
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());

    // Checks that fail alone never empty the pool: the answer stays the same.
    let gateway = Gateway::start(&app(&entries, CHECKS, ""));
    for index in 0..3 {
        until("it is noticed", || (state(&gateway, index) == "unhealthy").then_some(()));
    }
    let answer = gateway.get("/api/products");
    assert!([502, 503].contains(&answer.status), "{answer:?}");
    let health = gateway.get("/healthz");
    assert_eq!((health.status, &health.json()["dependencies"]["app"]), (503, &json!("down")));
    assert_eq!(gateway.get("/readyz").status, 200, "a dependency must not take every instance out");
}

#[test]
fn the_next_priority_serves_while_the_first_is_down() {
    let (nobody, standby) = (Port::reserve(), commerce("standby"));
    let second = format!("{{ address = \"{}\", priority = 1 }}", standby.address());
    let gateway = Gateway::start(&app(
        &[endpoint(nobody.address()), second],
        &format!("{CHECKS}\nslow_start = \"0s\""),
        "",
    ));
    assert_eq!(gateway.get("/api/products").header("x-backend"), "standby", "even before checks know");
    until("it is noticed", || (state(&gateway, 0) == "unhealthy").then_some(()));
    let answer = gateway.get("/api/products");
    assert_eq!((answer.header("x-backend"), &gateway.line_for(&answer)["tries"]), ("standby", &json!(1)));

    let first = Process::example_at("commerce", "first", nobody.address());
    until("it is noticed", || (state(&gateway, 0) == "healthy").then_some(()));
    assert_eq!(gateway.get("/api/products").header("x-backend"), "first");
    drop(first);
}

#[test]
fn a_kept_connection_that_the_backend_closed_costs_no_request() {
    let served = AtomicUsize::new(0);
    let backend = Double::start(move |_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        // It says that it keeps the connection, and ends it without a word after every other answer.
        if served.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            Err(Error::from(ErrorKind::Other))
        } else {
            Ok(())
        }
    });
    let gateway = before(backend.address(), "", "");
    for _ in 0..10 {
        assert_eq!(gateway.get("/api/x").status, 200);
    }
}

#[test]
fn statuses_of_a_backend_are_its_own_and_not_failures() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "retry = { on = [\"connect\"] }", "");
    for status in [204, 304, 404, 418, 500, 503] {
        let fault = format!("status={status}");
        let answer = send("GET", &gateway.url("/api/products"), &[("x-fault", &fault)], "");
        assert_eq!(answer.status, status);
        let line = gateway.line_for(&answer);
        assert_eq!(
            (&line["status"], &line["flag"], &line["tries"]),
            (&json!(status), &json!("-"), &json!(1))
        );
        let labels = [&format!("http_response_status_code=\"{status}\""), "olympus_upstream"];
        assert_eq!(gateway.metric("http_client_request_duration_seconds_count", &labels), 1.0);
    }
}
