//! The request that something is done for: what is recorded of it, and how long it may take.

use std::time::{Duration, Instant};

use crate::backends::Origin;
use crate::model::{Device, NewAuditEntry};

/// Longest text that is kept of what a client says it is, in characters.
const LONGEST_AGENT: usize = 256;

/// A request of a client.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Where it came from.
    pub origin: Origin,
    /// When it must be answered.
    pub by: Instant,
    agent: String,
}

impl Visit {
    /// A request of a client that says it is this (`User-Agent`), to be answered by then.
    pub fn new(origin: Origin, agent: &str, by: Instant) -> Self {
        let is_kept = |letter: &char| !letter.is_control();
        Self { origin, by, agent: agent.chars().filter(is_kept).take(LONGEST_AGENT).collect() }
    }

    /// How much of its time is left.
    pub fn left(&self) -> Duration {
        self.by.saturating_duration_since(Instant::now())
    }

    /// The device it came from.
    pub fn device(&self) -> Device {
        Device { agent: self.agent.clone(), address: self.origin.client.to_string() }
    }

    /// An entry of the audit log that tells what it did.
    pub(super) fn entry(&self, actor: &str, action: &str, subject: String) -> NewAuditEntry {
        NewAuditEntry {
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject,
            request_id: self.origin.id.as_str().to_owned(),
            address: self.origin.client.to_string(),
            ..NewAuditEntry::default()
        }
    }
}
