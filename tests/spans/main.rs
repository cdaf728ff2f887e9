//! What a trace tells of calls to Postgres, Redis and backends, as a collector gets it. A program of its own, because
//! what sends spans is one for the whole program.

#![cfg(test)]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "made for all tests that need a database, which use more of it"
)]
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/mod.rs"]
mod support;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use olympus_gateway::backends::{Answer, Backend, Errand, Request};
use olympus_gateway::config;
use olympus_gateway::error::Kind;
use olympus_gateway::http::{RequestId, TraceContext};
use olympus_gateway::model::{NewTenant, NewUser, TenantId, UserId};
use olympus_gateway::redis;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{Messages, RedisMetrics, Span, Telemetry, Traces};
use olympus_gateway::upstream::Pool;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use postgres::Database;
use support::collector::{Collector, hex, named, text};
use support::double::Double;
use support::wait::until;
use tokio::runtime::{Builder, Handle, Runtime};
use ureq::http::{HeaderMap, HeaderValue, Method};

/// The collector that all spans of this program go to.
fn collector() -> &'static Collector {
    static STARTED: OnceLock<Collector> = OnceLock::new();
    STARTED.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let collector = Collector::start();
        let settings: toml::Table = toml::from_str(&collector.settings(1.0)).unwrap();
        let settings: config::Telemetry = settings["telemetry"].clone().try_into().unwrap();
        let traces = Traces::start(&settings).unwrap();
        Messages::start(config::Level::Error, &traces);
        collector
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Does something as a part of a traced request, and gives its spans, once the last of them has come.
fn traced<F: Future>(act: impl FnOnce(Runtime) -> (Runtime, F)) -> (F::Output, Vec<Sent>) {
    let collector = collector();
    let span = Span::of_request(None);
    let trace = span.position().expect("a traced request").trace_id;
    let (runtime, future) = act(runtime());
    let done = runtime.block_on(span.run(future));
    let trace = format!("{trace:032x}");
    let spans = until("the spans of the request", || {
        let mut spans = collector.spans();
        spans.retain(|span| hex(&span.trace_id) == trace);
        // The request's own is the last to end.
        (!named(&spans, "request").is_empty()).then_some(spans)
    });
    (done, spans)
}

fn only<'s>(spans: &'s [Sent], name: &str) -> &'s Sent {
    let names: Vec<_> = spans.iter().map(|span| span.name.clone()).collect();
    let [one] = named(spans, name)[..] else { panic!("one `{name}` among {names:?}") };
    one
}

#[test]
fn a_transaction_tells_its_statements_and_no_value() {
    let (refused, spans) = traced(|runtime| {
        let database = runtime.block_on(Database::new());
        let future = async move {
            let store = database.store();
            let new =
                &NewTenant { id: TenantId::new(), slug: "secret-slug".to_owned(), name: "S".to_owned() };
            store.platform().run(|work| async move { work.tenants().create(new).await }).await.unwrap();
            let user = &NewUser { id: UserId::new(), email: "no address".to_owned(), name: "Ada".to_owned() };
            let tenant = store.tenant(new.id);
            let adding = tenant.run(|work| async move { work.users().create(user).await }).await;
            adding.unwrap_err().kind()
        };
        (runtime, future)
    });
    assert_eq!(refused, Kind::Invalid);
    let transactions = named(&spans, "transaction");
    assert_eq!(transactions.len(), 2);
    let (made, failed) = (transactions[0], transactions[1]);
    assert_eq!(text(failed, "error.type"), "invalid");
    assert_eq!(text(failed, "db.response.status_code"), "23514");
    let insert = only(&spans, "INSERT tenants");
    assert_eq!(insert.parent_span_id, made.span_id);
    for (key, value) in [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "INSERT"),
        ("db.query.summary", "INSERT tenants"),
        ("db.response.returned_rows", "1"),
    ] {
        assert_eq!(text(insert, key), value, "{key}");
    }
    assert_eq!(text(only(&spans, "INSERT users"), "error.type"), "invalid");
    assert_eq!(only(&spans, "COMMIT").parent_span_id, made.span_id);
    assert_eq!(only(&spans, "ROLLBACK").parent_span_id, failed.span_id);
    assert_eq!(named(&spans, "acquire").len(), 2);
    let everything = format!("{spans:?}");
    assert!(!everything.contains("secret-slug") && !everything.contains("no address"), "{everything}");
}

#[test]
fn commands_of_redis_are_told_and_none_is_while_it_is_away() {
    let server = support::redis::Redis::start(&[]);
    let settings: config::Redis = toml::from_str(&format!("urls = [\"{}\"]", server.url())).unwrap();
    let ((), spans) = traced(|runtime| {
        let redis = runtime.block_on(async {
            let lifecycle = Lifecycle::new(Handle::current());
            let redis = redis::Redis::start(&settings, &lifecycle, RedisMetrics::new()).unwrap();
            while !redis.is_up() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            redis
        });
        let mut server = server;
        let future = async move {
            redis.set("a", "value", Duration::from_secs(9)).await.unwrap();
            assert_eq!(redis.get("a").await.unwrap().as_deref(), Some("value"));
            server.kill();
            while redis.is_up() {
                let _ = redis.publish("channel", "message").await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            redis.get("a").await.unwrap_err();
        };
        (runtime, future)
    });
    let set = only(&spans, "SET");
    assert_eq!(text(set, "db.system.name"), "redis");
    assert_eq!(text(set, "error.type"), "");
    only(&spans, "GET");
    assert!(named(&spans, "PUBLISH").iter().all(|span| text(span, "error.type") == "unavailable"));
}

#[test]
fn a_backend_goes_on_with_the_trace_at_the_try_that_reached_it() {
    let double = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let address = double.address();
    let (status, spans) = traced(|runtime| {
        let future = async move {
            let settings = format!("endpoints = [{{ address = \"{address}\" }}]");
            let pool = Arc::new(Pool::new("auth", &toml::from_str(&settings).unwrap(), Instant::now()));
            let telemetry = Telemetry::new(&config::Telemetry::default(), Traces::default()).unwrap();
            let backend = Backend::new(pool, telemetry.metrics).unwrap();
            let id = RequestId::accept(&HeaderValue::from_static("call-of-the-tests")).unwrap();
            let trace = TraceContext::of(&HeaderMap::new());
            let trace = trace.at(Span::current().position().unwrap());
            let by = Instant::now() + Duration::from_secs(10);
            let errand = Errand { id: &id, trace: &trace, client: None, by };
            let read = |answer: &Answer| Ok(answer.status);
            backend.ask(&errand, Request::new(Method::GET, "/x"), read).await.unwrap()
        };
        (runtime, future)
    });
    assert_eq!(status, 200);
    let (call, request) = (only(&spans, "call"), only(&spans, "request"));
    assert_eq!(call.parent_span_id, request.span_id);
    assert_eq!(text(call, "http.response.status_code"), "200");
    assert_eq!(text(call, "server.address"), address.to_string());
    let passed_on = format!("traceparent: 00-{}-{}-01", hex(&call.trace_id), hex(&call.span_id));
    assert!(double.only_head().contains(&passed_on), "{}", double.only_head());
}
