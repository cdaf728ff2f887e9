//! Structured logs on stderr: one JSON line for each request, also for those whose caller left.
//!
//! Only the path is written, never the query, a body or a credential.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::faults::Injected;

/// Sends every event of this process to stderr as JSON.
pub(crate) fn start() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .init();
}

/// Middleware that writes the line of a request.
pub(crate) async fn record(State(backend): State<String>, request: Request, next: Next) -> Response {
    let mut line = Line::of(backend, &request);
    let response = next.run(request).await;
    line.status = Some(response.status());
    line.fault = response.extensions().get::<Injected>().map(|injected| injected.0);
    response
}

/// Writes itself when dropped, so a request abandoned half-way is logged too, without a status.
struct Line {
    backend: String,
    method: Method,
    path: String,
    request_id: Option<String>,
    trace_id: Option<String>,
    started: Instant,
    status: Option<StatusCode>,
    fault: Option<&'static str>,
}

impl Line {
    fn of(backend: String, request: &Request) -> Self {
        Self {
            backend,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            request_id: text(request.headers(), "x-request-id").map(str::to_owned),
            trace_id: text(request.headers(), "traceparent").and_then(trace_id).map(str::to_owned),
            started: Instant::now(),
            status: None,
            fault: None,
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        tracing::info!(
            backend = self.backend,
            method = %self.method,
            path = self.path,
            status = self.status.map(|status| status.as_u16()),
            duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
            request_id = self.request_id,
            trace_id = self.trace_id,
            fault = self.fault,
            "request"
        );
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The second field of a W3C `traceparent`.
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}
