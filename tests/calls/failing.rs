//! Endpoints that refuse, hang, break off or say that they cannot.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use olympus_gateway::backends::{Auth, Introspection};
use olympus_gateway::error::Kind;
use olympus_gateway::upstream::{Failure, Pool};

use crate::support::double::Double;
use crate::support::port::Port;
use crate::{SOON, auth, backend, introspect, kind, log_in, pool, secret};

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

/// Answers, but not to the end.
fn endless() -> Double {
    Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")?;
        wire.take(1 << 20).map(drop)
    })
}

/// Who asks this pool.
fn service(pool: &Arc<Pool>) -> Auth {
    Auth::new(backend(pool).unwrap(), secret("service-token-of-the-tests"))
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
    let double = endless();
    let result = introspect(&auth(&[double.address()], ""), Duration::from_millis(300), "any");
    assert_eq!(kind(result), Kind::GatewayTimeout);
}

#[test]
fn an_endpoint_is_not_to_blame_for_the_end_of_the_errands_time() {
    for make in [hanging, endless] {
        let double = make();
        let failures = |time: &str, limit| {
            let more = format!("{time}\nretry = {{ max_retries = 0 }}");
            let pool = pool(&[double.address().to_string()], &more);
            introspect(&service(&pool), limit, "any").unwrap_err();
            Failure::ALL.iter().map(|failure| pool.endpoints()[0].failed(*failure)).sum::<u64>()
        };
        assert_eq!(failures("", Duration::from_millis(100)), 0, "it had less time than the pool gives");
        assert_eq!(failures("try_timeout = \"200ms\"\nidle_timeout = \"200ms\"", SOON), 1);
    }
}

#[test]
fn an_endpoint_may_ask_for_a_pause_in_seconds_or_until_a_date() {
    let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(50));
    for asked in ["50", &later] {
        let answer =
            format!("HTTP/1.1 503 Service Unavailable\r\nretry-after: {asked}\r\ncontent-length: 0\r\n\r\n");
        let busy = Double::start(move |_, wire| wire.try_send(&answer));
        let pool = pool(&[busy.address().to_string()], "retry = { max_retries = 0 }");
        introspect(&service(&pool), SOON, "any").unwrap_err();
        let pause = pool.endpoints()[0].paused_for(Instant::now()).unwrap_or_default();
        assert!((20..=50).contains(&pause.as_secs()), "{asked}: {pause:?}");
    }
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
