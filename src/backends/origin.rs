//! What calls are made for: the request of a client, kept for as long as it is served, or a job of the gateway's own.

use std::net::IpAddr;
use std::time::Instant;

use http::HeaderMap;

use super::errand::Errand;
use crate::http::{RequestId, TraceContext};

/// Where a request of a client came from, and what it is called.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Its id.
    pub id: RequestId,
    /// Where it stands in its trace.
    pub trace: TraceContext,
    /// Who sent it.
    pub client: IpAddr,
}

impl Origin {
    /// A call on its behalf that must be over by then.
    pub fn errand(&self, by: Instant) -> Errand<'_> {
        Errand { id: &self.id, trace: &self.trace, client: Some(self.client), by }
    }
}

/// What the gateway calls a backend for by itself, on behalf of no request.
#[derive(Debug, Clone)]
pub struct OwnErrand {
    id: RequestId,
    trace: TraceContext,
}

impl OwnErrand {
    /// A new one, with an id of its own.
    #[expect(clippy::new_without_default, reason = "a default would hide that each call gives another")]
    pub fn new() -> Self {
        Self { id: RequestId::generate(), trace: TraceContext::of(&HeaderMap::new()) }
    }

    /// By what the backend's log names it.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// A call of it that must be over by then.
    pub fn errand(&self, by: Instant) -> Errand<'_> {
        Errand { id: &self.id, trace: &self.trace, client: None, by }
    }
}
