//! Time: what is cut, when, and what is not although it takes long.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::wait::pass;
use crate::{app, before, commerce, endpoint};

#[test]
fn a_try_that_hangs_is_tried_again_elsewhere() {
    let shops = ["a", "b"].map(commerce);
    send("PUT", &shops[0].url("/faults"), &[], "hang");
    let entries = shops.each_ref().map(|shop| endpoint(shop.address()));
    let gateway = Gateway::start(&app(
        &entries,
        "balance = \"wrr\"\ntry_timeout = \"200ms\"\nconnect_timeout = \"100ms\"",
        "",
    ));
    let slow: Vec<_> = (0..4)
        .map(|_| gateway.get("/api/products"))
        .map(|answer| {
            assert_eq!((answer.status, answer.header("x-backend")), (200, "b"));
            gateway.line_for(&answer)
        })
        .filter(|line| line["tries"] == 2)
        .collect();
    assert_eq!(slow.len(), 2);
    for line in slow {
        assert!(line["upstream_ms"].as_f64().unwrap() >= 199.0, "{line}");
    }
    let label = [&format!("server_address=\"{}\"", shops[0].address()), "cause=\"timeout\""];
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &label), 2.0);
}

#[test]
fn a_post_that_hangs_is_not_tried_again() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "try_timeout = \"200ms\"\nconnect_timeout = \"100ms\"", "");
    let answer = send("POST", &gateway.url("/api/echo"), &[("x-fault", "hang")], "once");
    assert_eq!((answer.status, &gateway.line_for(&answer)["tries"]), (504, &json!(1)));
}

#[test]
fn all_tries_together_fit_the_routes_time() {
    let shops = ["a", "b", "c"].map(commerce);
    let entries = shops.each_ref().map(|shop| endpoint(shop.address()));
    for shop in &shops {
        send("PUT", &shop.url("/faults"), &[], "hang");
    }
    let times = "try_timeout = \"200ms\"\nconnect_timeout = \"100ms\"";
    let gateway = Gateway::start(&app(&entries, times, "response_timeout = \"600ms\""));
    let begun = Instant::now();
    let answer = gateway.get("/api/products");
    let line = gateway.line_for(&answer);
    assert_eq!((answer.status, &line["flag"]), (504, &json!("UT")));
    let took = line["duration_ms"].as_f64().unwrap();
    assert!(took >= 590.0 && begun.elapsed() < Duration::from_secs(5), "{line}");
    assert_eq!(line["tries"], 3);
}

#[test]
fn a_stream_is_not_cut_while_it_keeps_sending() {
    let backend = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        for _ in 0..12 {
            wire.try_send("1\r\n.\r\n")?;
            pass(Duration::from_millis(100));
        }
        wire.try_send("0\r\n\r\n")
    });
    // Three times longer than a try may take to its head, and than the route waits for that.
    let times = "try_timeout = \"400ms\"\nconnect_timeout = \"100ms\"\nidle_timeout = \"800ms\"\nretry = { max_retries = 0 }";
    let gateway = before(backend.address(), times, "response_timeout = \"400ms\"");
    assert_eq!(gateway.get("/api/x").body, ".".repeat(12));
}

#[test]
fn a_stream_that_falls_silent_is_cut() {
    let (done, gone) = channel();
    let backend = Double::start(move |_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n.\r\n")?;
        wire.rest();
        done.send(()).unwrap();
        Ok(())
    });
    let gateway = before(backend.address(), "idle_timeout = \"300ms\"", "");
    let mut wire = gateway.wire();
    let silent = wire.ask_and_break("/api/x", "silent-stream");
    assert!(silent.is_err(), "{silent:?}");
    gone.recv_timeout(crate::support::process::PATIENCE).expect("the backend is let go");
    assert_eq!(gateway.line_of("silent-stream")["flag"], "UR");
}

#[test]
fn a_slow_upload_is_not_cut_by_the_time_of_a_try() {
    let shop = commerce("shop");
    let times = "try_timeout = \"300ms\"\nconnect_timeout = \"100ms\"\nretry = { max_retries = 0 }";
    let gateway = before(shop.address(), times, "response_timeout = \"300ms\"");
    let mut wire = gateway.wire();
    wire.send("POST /api/count HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n");
    for _ in 0..10 {
        pass(Duration::from_millis(80));
        wire.send(".");
    }
    let answer = wire.answer();
    assert_eq!((answer.status, answer.json()), (200, json!({ "bytes": 10 })));
}

#[test]
fn a_client_that_stops_sending_its_body_is_told_and_let_go() {
    let shop = commerce("shop");
    let config = app(&[endpoint(shop.address())], "", "");
    let gateway =
        Gateway::start(&format!("{config}\n[server.timeouts]\nheader = \"300ms\"\nbody_idle = \"300ms\"\n"));
    let mut wire = gateway.wire();
    wire.send("POST /api/count HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345");
    let answer = wire.answer();
    assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("request_timeout")));
    assert_eq!(gateway.line_for(&answer)["flag"], "DT");
    assert_eq!(wire.rest(), "");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it is no fault of the backend");

    let mut silent = gateway.wire();
    assert_eq!(silent.rest(), "", "a connection that never asks is ended");
}

#[test]
fn a_backend_that_waits_for_the_rest_of_a_body_is_not_blamed() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "idle_timeout = \"300ms\"", "");
    let mut wire = gateway.wire();
    wire.send("POST /api/count HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345");
    let answer = wire.answer();
    assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("request_timeout")));
    drop(wire);
    assert_eq!(gateway.line_for(&answer)["flag"], "DT");
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it would have answered");
}

#[test]
fn a_kept_connection_that_is_idle_is_ended_in_order() {
    let shop = commerce("shop");
    let config = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&format!("{config}\n[server.timeouts]\nidle = \"1s\"\n"));
    let mut wire = gateway.wire();
    assert_eq!(wire.get("/api/products", &[]).status, 200);
    assert_eq!(wire.rest(), "");
    let mut wire = gateway.wire();
    assert_eq!(wire.get("/livez", &[]).status, 200);
    assert_eq!(wire.rest(), "");
}
