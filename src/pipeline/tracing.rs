//! Which requests are traced. Nobody but trusted proxies may decide that from outside: else anyone could have each
//! of their requests recorded.

use http::request::Parts;

use crate::config;
use crate::http::{ClientAddress, TraceContext};
use crate::telemetry::Span;

/// The request's place in its trace and its span, if it is traced.
pub(super) fn begin(
    settings: &config::Telemetry,
    head: &Parts,
    client: &ClientAddress,
) -> (TraceContext, Span) {
    let trace = TraceContext::of(&head.headers);
    if !Span::are_recorded() {
        return (trace, Span::none());
    }
    let asked = trace.is_recorded_by_sender().filter(|_| client.by_trusted_proxy);
    if !asked.unwrap_or_else(|| fastrand::f64() < settings.trace_sample) {
        return (trace.unrecorded(), Span::none());
    }
    let span = Span::of_request(trace.sender());
    let trace = span.position().map_or(trace, |position| trace.at(position));
    describe(&span, head, client);
    (trace, span)
}

fn describe(span: &Span, head: &Parts, client: &ClientAddress) {
    span.set("http.request.method", || head.method.to_string());
    // Without the query, which may hold secrets.
    span.set("url.path", || head.uri.path().to_owned());
    span.set("url.scheme", || if client.is_tls { "https" } else { "http" });
    span.set("client.address", || client.ip.to_string());
}
