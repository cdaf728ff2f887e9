//! Endpoints that refuse, hang, break off or say that they cannot.

use std::io;
use std::time::{Duration, Instant};

use olympus_gateway::backends::Introspection;
use olympus_gateway::error::Kind;

use crate::support::double::Double;
use crate::support::port::Port;
use crate::{SOON, auth, introspect, kind, log_in};

const INACTIVE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"active\":false}";
const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn breaking() -> Double {
    Double::start(|_, _| Err(io::ErrorKind::ConnectionReset.into()))
}

/// Takes requests and never answers.
fn hanging() -> Double {
    Double::start(|_, wire| wire.take(1 << 20).map(drop))
}

#[test]
fn a_refused_connection_is_followed_by_the_next_endpoint_even_for_a_login() {
    let (port, double) = (Port::reserve(), Double::answering(REFUSED));
    let auth = auth(&[port.address(), double.address()], "");
    for _ in 0..4 {
        assert_eq!(log_in(&auth, SOON, "wrong").unwrap(), None);
    }
    assert_eq!(double.heads().len(), 4);
}

#[test]
fn a_login_is_never_sent_twice_once_bytes_went_out() {
    for make in [breaking, hanging, || Double::answering(BUSY)] {
        let (one, other) = (make(), make());
        let settings = "try_timeout = \"600ms\"\nretry = { all_methods = true }";
        let auth = auth(&[one.address(), other.address()], settings);
        assert!(log_in(&auth, SOON, "any").is_err());
        assert_eq!(one.heads().len() + other.heads().len(), 1);
    }
}

#[test]
fn what_may_be_repeated_is_answered_by_another_endpoint() {
    for make in [breaking, hanging, || Double::answering(BUSY)] {
        let (bad, good) = (make(), Double::answering(INACTIVE));
        let auth = auth(&[bad.address(), good.address()], "try_timeout = \"600ms\"");
        for _ in 0..2 {
            assert_eq!(introspect(&auth, SOON, "any").unwrap(), Introspection::Inactive);
        }
        assert_eq!(good.heads().len(), 2);
    }
}

#[test]
fn an_endpoint_that_hangs_costs_no_more_than_the_errands_time() {
    let (double, began) = (hanging(), Instant::now());
    let limit = Duration::from_millis(200);
    assert_eq!(kind(log_in(&auth(&[double.address()], ""), limit, "any")), Kind::GatewayTimeout);
    assert!(began.elapsed() >= limit && began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[test]
fn a_body_that_never_ends_costs_no_more_either() {
    let double = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")?;
        wire.take(1 << 20).map(drop)
    });
    let result = introspect(&auth(&[double.address()], ""), Duration::from_millis(300), "any");
    assert_eq!(kind(result), Kind::GatewayTimeout);
}

#[test]
fn statuses_are_told_apart() {
    let busy = Double::answering(BUSY);
    assert_eq!(kind(log_in(&auth(&[busy.address()], ""), SOON, "any")), Kind::Unavailable);
    let broken = breaking();
    assert_eq!(kind(log_in(&auth(&[broken.address()], ""), SOON, "any")), Kind::BadGateway);
}

#[test]
fn an_open_breaker_refuses_at_once_and_asks_nobody() {
    let double = breaking();
    let auth = auth(
        &[double.address()],
        "breaker = { scope = \"pool\", min_requests = 2, failure_ratio = 0.5, open_for = \"1h\" }\n\
         outlier = { consecutive_failures = 100 }\nretry = { max_retries = 0 }",
    );
    for _ in 0..2 {
        assert_eq!(kind(log_in(&auth, SOON, "any")), Kind::BadGateway);
    }
    assert_eq!(kind(log_in(&auth, SOON, "any")), Kind::Unavailable);
    assert_eq!(double.heads().len(), 2);
}

#[test]
fn nonsense_speaks_against_the_endpoint() {
    let nonsense = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\ngarbage");
    let good = Double::answering(INACTIVE);
    let auth = auth(
        &[nonsense.address(), good.address()],
        "outlier = { consecutive_failures = 2, base_ejection_time = \"1h\" }",
    );
    let results: Vec<bool> = (0..8).map(|_| introspect(&auth, SOON, "any").is_ok()).collect();
    assert_eq!(nonsense.heads().len(), 2, "{results:?}");
}
