//! Spans of requests that are traced: one for the request, below it one for each step that may take time and one
//! for each call to somebody else. Where a request is not traced, none of this does anything, at no cost to speak of.
//! Names and attributes are those of OpenTelemetry's semantic conventions for HTTP and databases.

use std::future::Future;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use tracing::{Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What the spans of this file are told from those of libraries by.
pub(super) const TARGET: &str = "olympus_span";

/// Where a span stands: its trace, and itself in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The trace.
    pub trace_id: u128,
    /// The span.
    pub span_id: u64,
}

/// A piece of work with a beginning and an end, which is when the last of its clones is dropped.
#[derive(Debug, Clone)]
pub struct Span(tracing::Span);

impl Span {
    /// The span of what is not traced.
    pub fn none() -> Self {
        Self(tracing::Span::none())
    }

    /// The span of a request that is traced, below that of whoever sent it.
    pub fn of_request(sender: Option<Position>) -> Self {
        let span = info_span!(target: TARGET, parent: None, "request", otel.kind = "server");
        if let Some(sender) = sender {
            let (trace, id) = (TraceId::from(sender.trace_id), SpanId::from(sender.span_id));
            let remote = SpanContext::new(trace, id, TraceFlags::SAMPLED, true, TraceState::default());
            // It fails only where nobody listens, and then there is no span to place.
            let _ = span.set_parent(Context::new().with_remote_span_context(remote));
        }
        Self(span)
    }

    /// A step of this piece of work.
    pub fn step(&self, name: &'static str) -> Self {
        self.below(name, "internal")
    }

    /// A call to somebody else as a part of this piece of work.
    pub fn call(&self, name: &'static str) -> Self {
        self.below(name, "client")
    }

    fn below(&self, name: &'static str, kind: &'static str) -> Self {
        if self.0.is_none() {
            return Self::none();
        }
        Self(info_span!(target: TARGET, parent: &self.0, "step", otel.kind = kind, otel.name = name))
    }

    /// The span that the code which asks runs in.
    pub fn current() -> Self {
        let span = tracing::Span::current();
        let is_ours = span.metadata().is_some_and(|metadata| metadata.target() == TARGET);
        if is_ours { Self(span) } else { Self::none() }
    }

    /// Runs a future in this span, which is then the [current](Self::current) one, and ends with it.
    pub fn run<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        future.instrument(self.0)
    }

    /// Gives the span a better name, once that is known.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if !self.0.is_none() {
            self.0.context().span().update_name(name());
        }
    }

    /// Says something about it. The value is asked for only where it is wanted.
    pub fn set<V: Into<Value>>(&self, key: &'static str, value: impl FnOnce() -> V) {
        if !self.0.is_none() {
            self.0.set_attribute(key, value());
        }
    }

    /// Says that it failed, and why, in a word that comes of the program and not of a request.
    pub fn fail(&self, reason: &'static str) {
        if !self.0.is_none() {
            self.0.set_attribute("error.type", reason);
            self.0.set_status(Status::error(reason));
        }
    }

    /// Where it stands, for whoever goes on with the trace. `None` where nothing is traced.
    pub fn position(&self) -> Option<Position> {
        if self.0.is_none() {
            return None;
        }
        let context = self.0.context();
        let context = context.span().span_context().clone();
        let (trace_id, span_id) = (
            u128::from_be_bytes(context.trace_id().to_bytes()),
            u64::from_be_bytes(context.span_id().to_bytes()),
        );
        context.is_valid().then_some(Position { trace_id, span_id })
    }
}
