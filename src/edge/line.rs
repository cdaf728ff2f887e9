//! The end of a request: its access line and its metrics.

use std::time::{Duration, Instant};

use http::{Method, StatusCode, Version, header};
use pingora::proxy::Session;

use super::cause::Cause;
use super::context::Context;
use crate::http::TraceId;
use crate::pipeline::Exchange;
use crate::telemetry::{Line, Sampling, Telemetry};

/// Longest text from outside in a line, in bytes.
const MOST_TEXT: usize = 1024;

/// Counts a request and writes its line, if it gets one.
pub(super) fn write(telemetry: &Telemetry, session: &Session, context: &Context, now: Instant) {
    let Some(exchange) = &context.exchange else { return };
    let took = now.saturating_duration_since(context.started);
    let status = answered(session).map_or(0, |status| status.as_u16());
    let method = &session.req_header().method;
    let route = exchange.route.as_deref().map_or(("", ""), |route| (&route.pattern, &route.name));
    telemetry.metrics.request(method, status, route, took);
    if context.cause == Some(Cause::OutOfTime) {
        telemetry.metrics.ran_out_of_time(route.1);
    }
    if let Some(proxied) = &context.proxied
        && let Some(current) = &proxied.current
    {
        current.observe(&proxied.pool, &telemetry.metrics, now);
    }
    trace(exchange, method, status, context.cause);
    let sampling = Sampling::new(&exchange.snapshot.settings.telemetry.access_log);
    if context.cause.is_some() || sampling.takes(status, took, fastrand::f64()) {
        let end =
            End { now, took, status, trace_id: exchange.trace.trace_id(), slow: sampling.is_slow(took) };
        telemetry.access.write(&line(session, context, exchange, &end));
    }
}

/// Says in the request's span what became of it.
fn trace(exchange: &Exchange, method: &Method, status: u16, cause: Option<Cause>) {
    let span = &exchange.span;
    span.set("http.response.status_code", || i64::from(status));
    if let Some(route) = &exchange.route {
        span.rename(|| format!("{method} {}", route.pattern));
        span.set("http.route", || route.pattern.to_string());
        span.set("olympus.route", || route.name.to_string());
    } else {
        span.rename(|| method.to_string());
    }
    if status >= 500 || status == 0 {
        span.fail(cause.map_or("status", Cause::flag));
    }
}

/// The status the client has got. To switch protocols is an answer, other 1xx promise one.
pub(super) fn answered(session: &Session) -> Option<StatusCode> {
    let status = session.response_written()?.status;
    (!status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS).then_some(status)
}

/// What is known of a request only at its end.
struct End {
    now: Instant,
    took: Duration,
    status: u16,
    trace_id: TraceId,
    slow: bool,
}

fn line<'a>(session: &'a Session, context: &'a Context, exchange: &'a Exchange, end: &'a End) -> Line<'a> {
    let End { now, took, status, .. } = *end;
    let head = session.req_header();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let proxied = context.proxied.as_ref();
    let waited = proxied.map_or(Duration::ZERO, |proxied| proxied.waited(now)).min(took);
    Line {
        time: context.time,
        request_id: exchange.id.as_str(),
        trace_id: end.trace_id.as_str(),
        client: exchange.client.ip,
        tenant: exchange.caller.as_ref().map(|caller| caller.tenant),
        user: exchange.caller.as_ref().map(|caller| &*caller.subject),
        method: head.method.as_str(),
        host: text(header::HOST).or_else(|| head.uri.authority().map(http::uri::Authority::as_str)),
        path: clip(head.uri.path()),
        protocol: match head.version {
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        },
        status,
        flag: context.cause.map_or("-", Cause::flag),
        route: exchange.route.as_ref().map(|route| &*route.name),
        upstream: proxied.map(|proxied| &*proxied.pool.name),
        endpoint: proxied.and_then(|it| it.current.as_ref()).map(|it| &*it.pick.endpoint().name),
        tries: proxied.map(|proxied| proxied.tried.count()),
        bytes_received: session.body_bytes_read(),
        bytes_sent: session.body_bytes_sent(),
        duration: took,
        slow: end.slow,
        upstream_time: waited,
        user_agent: text(header::USER_AGENT).map(clip),
        error: context.error.as_deref().map(clip),
    }
}

/// As much of a text from outside as a line can bear: a client or a backend can make it as long as it likes.
fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST_TEXT)).unwrap_or(text)
}
