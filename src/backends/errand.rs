//! On whose behalf the gateway calls a backend, and until when.

use std::net::IpAddr;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::{RequestId, TraceContext};
use crate::telemetry::Span;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a call carries of the request that it is made for.
#[derive(Debug, Clone, Copy)]
pub struct Errand<'e> {
    /// Its id, which the backend logs too.
    pub id: &'e RequestId,
    /// Where it stands in its trace.
    pub trace: &'e TraceContext,
    /// Who sent it, if a client did.
    pub client: Option<IpAddr>,
    /// When the answer must be there, body and all tries included.
    pub by: Instant,
}

impl Errand<'_> {
    /// Writes where the backend goes on with the trace: below the span of this try, where it is traced.
    pub(super) fn trace(&self, span: &Span, headers: &mut HeaderMap) {
        let trace = span.position().map_or(*self.trace, |position| self.trace.at(position));
        trace.pass_on(headers);
    }

    /// Writes what the backend is told.
    pub(super) fn pass_on(&self, headers: &mut HeaderMap) {
        let (name, value) = self.id.header();
        headers.insert(name, value);
        let client = self.client.and_then(|ip| HeaderValue::try_from(ip.to_string()).ok());
        if let Some(client) = client {
            headers.insert(FOR, client);
        }
    }
}
