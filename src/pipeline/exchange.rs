//! One request on its way: what admission learned of it, and the headers put on the request and on its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri};

use super::authenticate;
use super::limits;
use super::route::Route;
use super::snapshot::Snapshot;
use super::tracing;
use crate::http::{
    ClientAddress, Connection, Problem, Refusal, RequestId, TraceContext, strip_hop_by_hop, strip_identity,
    strip_token_cookies,
};
use crate::identity::Caller;
use crate::limits::Standing;
use crate::telemetry::Span;

/// Headers a backend gets besides what the client sent: four of its origin, id, trace, three of the caller. Room for
/// them is made once.
const PASSED_ON: usize = 9;

/// What is known of a request from its admission to its end.
#[derive(Debug)]
pub struct Exchange {
    /// The configuration it was admitted under.
    pub snapshot: Arc<Snapshot>,
    /// When it came.
    pub began: Instant,
    /// Its id.
    pub id: RequestId,
    /// Where it stands in its trace.
    pub trace: TraceContext,
    /// Who sent it.
    pub client: ClientAddress,
    /// Its span, where it is traced.
    pub span: Span,
    /// The route that serves it; `None` if it was answered before one was found.
    pub route: Option<Arc<Route>>,
    /// Who is calling, with the rights they have under this configuration; `None` if nobody is known.
    pub caller: Option<Arc<Caller>>,
    /// Why nobody is, where a token was not believed and the handler is to say so.
    pub(super) unbelieved: Option<Refusal>,
    /// The pool a backend of which answers; `None` where none does.
    pub(super) upstream: Option<Arc<str>>,
    pub(super) standings: Vec<Standing>,
    pub(super) connection: Connection,
    pub(super) origin: Option<HeaderValue>,
    /// What to ask for instead of what was sent.
    pub(super) target: Option<PathAndQuery>,
}

impl Exchange {
    pub(super) fn new(snapshot: Arc<Snapshot>, head: &Parts, connection: Connection) -> Self {
        let client = ClientAddress::of(connection, &head.headers, &snapshot.settings.server.trusted_proxies);
        let (trace, span) = tracing::begin(&snapshot.settings.telemetry, head, &client);
        Self {
            began: Instant::now(),
            id: RequestId::of(&head.headers),
            trace,
            client,
            span,
            origin: head.headers.get(header::ORIGIN).cloned(),
            route: None,
            caller: None,
            unbelieved: None,
            target: None,
            upstream: None,
            standings: Vec::new(),
            connection,
            snapshot,
        }
    }

    /// Turns the request as it was sent into the one a handler of ours sees.
    pub(super) fn prepare_local(&self, head: &mut Parts) {
        if let Some(target) = &self.target {
            head.uri = Uri::from(target.clone());
        }
        strip_identity(&mut head.headers);
    }

    /// Turns the request as it was sent into the one a backend sees.
    pub fn prepare(&self, head: &mut Parts) {
        self.prepare_local(head);
        if self.snapshot.settings.auth.cookie.is_some() {
            strip_token_cookies(&mut head.headers);
        }
        head.headers.reserve(PASSED_ON);
        let host = head.headers.get(header::HOST).cloned();
        self.client.pass_on(self.connection, host.as_ref(), &mut head.headers);
        let (name, value) = self.id.header();
        head.headers.insert(name, value);
        self.trace.pass_on(&mut head.headers);
        authenticate::introduce(self, &mut head.headers);
        if let Some(route) = &self.route {
            route.request.apply(&mut head.headers);
        }
    }

    /// Puts on an answer what every answer carries, errors too, and takes off what no client may see.
    pub fn finish(&self, status: StatusCode, headers: &mut HeaderMap) {
        if status.is_informational() {
            return;
        }
        self.put_common(headers);
        limits::tell(&self.standings, headers);
        if let Some(route) = &self.route {
            if let Some(cors) = &route.cors {
                cors.finish(self.origin.as_ref(), headers);
            }
            route.response.apply(headers);
        }
    }

    /// Puts on what is the same on every answer. One to a preflight has CORS headers of its own.
    pub(super) fn put_common(&self, headers: &mut HeaderMap) {
        strip_hop_by_hop(headers);
        for name in &self.snapshot.hidden {
            headers.remove(name);
        }
        headers.reserve(self.snapshot.security.len() + 1 + usize::from(self.client.is_tls));
        for (name, value) in &self.snapshot.security {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if let (true, Some(hsts)) = (self.client.is_tls, &self.snapshot.hsts) {
            headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
        }
        let (name, value) = self.id.header();
        headers.insert(name, value);
    }

    /// An error as an answer, complete with the headers every answer has.
    pub fn problem(&self, path: &str, problem: Problem) -> Response<Bytes> {
        let mut answer = problem.into_answer(path, &self.id);
        self.finish(answer.status(), answer.headers_mut());
        answer
    }

    /// When a handler of ours must have answered: its route's `response_timeout`, or `max_duration` where that is less.
    pub(super) fn answer_by(&self) -> Instant {
        let limit = self.route.as_ref().map_or(Duration::ZERO, |route| {
            route.max_duration.map_or(route.response_timeout, |whole| whole.min(route.response_timeout))
        });
        self.began + limit
    }

    /// Largest request body, in bytes.
    pub fn max_body(&self) -> u64 {
        self.route.as_ref().map_or(0, |route| route.max_body)
    }
}
