//! The audit log: who did what to what.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// Who did it: the id of a user, a key or a job.
    pub actor: String,
    /// What was done, as `user.created`.
    pub action: String,
    /// To what, as `user/018f…`.
    pub subject: String,
    /// What else is worth knowing. Never a secret.
    pub details: Map<String, Value>,
    /// The request that asked for it.
    pub request_id: String,
    /// The address it came from.
    pub address: String,
    /// When it was done.
    pub created_at: DateTime<Utc>,
}

/// What is said of a new entry.
#[derive(Debug, Clone, Default)]
pub struct NewAuditEntry {
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else is worth knowing.
    pub details: Map<String, Value>,
    /// The request that asked for it.
    pub request_id: String,
    /// The address it came from.
    pub address: String,
}

/// By what the log is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSort {
    /// When things were done.
    CreatedAt,
}
