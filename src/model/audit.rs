//! The audit log: who did what to what.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{Field, Operator, Value, ValueKind};

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
    pub details: Map<String, Json>,
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
    pub details: Map<String, Json>,
    /// The request that asked for it.
    pub request_id: String,
    /// The address it came from.
    pub address: String,
}

/// What may be asked of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditField {
    /// What something was done to.
    Subject,
    /// When it was done.
    CreatedAt,
}

impl Field for AuditField {
    type Item = AuditEntry;
    const ALL: &'static [Self] = &[Self::Subject, Self::CreatedAt];

    fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::CreatedAt => "created_at",
        }
    }

    fn kind(self) -> ValueKind {
        match self {
            Self::Subject => ValueKind::Text(200),
            Self::CreatedAt => ValueKind::Time,
        }
    }

    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Subject => &[Operator::Eq],
            Self::CreatedAt => Operator::OF_ORDERED,
        }
    }

    fn is_sortable(self) -> bool {
        match self {
            Self::CreatedAt => true,
            Self::Subject => false,
        }
    }

    fn value(self, entry: &AuditEntry) -> Value {
        match self {
            Self::Subject => Value::Text(entry.subject.clone()),
            Self::CreatedAt => Value::Time(entry.created_at),
        }
    }

    fn id(entry: &AuditEntry) -> Uuid {
        entry.id
    }
}
