//! The request that something is done for: what is recorded of it.

use crate::backends::Origin;
use crate::model::{Device, NewAuditEntry};

/// Longest text that is kept of what a client says it is, in characters.
const LONGEST_AGENT: usize = 256;

/// A request of a client.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Where it came from.
    pub origin: Origin,
    agent: String,
}

impl Visit {
    /// A request of a client that says it is this (`User-Agent`).
    pub fn new(origin: Origin, agent: &str) -> Self {
        let is_kept = |letter: &char| !letter.is_control();
        Self { origin, agent: agent.chars().filter(is_kept).take(LONGEST_AGENT).collect() }
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
