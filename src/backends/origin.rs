//! The request that calls are made for, kept for as long as it is served.

use std::net::IpAddr;
use std::time::Instant;

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
