//! API keys: what programs call with in the place of a person.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ApiKeyId, Field, Operator, TenantId, UserId, Value, ValueKind};

/// A key, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyEntry {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters, by which its owner recognises it.
    pub hint: String,
    /// The permissions it is for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself. None: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody called with it, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What is said of a new key.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// Its first characters.
    pub hint: String,
    /// The permissions it is for.
    pub scopes: Vec<String>,
    /// When it ends by itself. None: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was found by what it is, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundApiKey {
    /// The tenant of its owner.
    pub tenant: TenantId,
    /// Whether users of the tenant may do anything.
    pub is_tenant_active: bool,
    /// The key.
    pub key: ApiKeyEntry,
    /// When it was found, by the clock of the database.
    pub found_at: DateTime<Utc>,
}

/// What may be asked of the list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyField {
    /// Their id.
    Id,
    /// Whose they are.
    UserId,
    /// When they were made.
    CreatedAt,
}

impl Field for ApiKeyField {
    type Item = ApiKeyEntry;
    const ALL: &'static [Self] = &[Self::Id, Self::UserId, Self::CreatedAt];

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::UserId => "user_id",
            Self::CreatedAt => "created_at",
        }
    }

    fn kind(self) -> ValueKind {
        match self {
            Self::Id | Self::UserId => ValueKind::Id,
            Self::CreatedAt => ValueKind::Time,
        }
    }

    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Id | Self::UserId => &[Operator::Eq, Operator::In],
            Self::CreatedAt => Operator::OF_ORDERED,
        }
    }

    fn is_sortable(self) -> bool {
        match self {
            Self::CreatedAt => true,
            Self::Id | Self::UserId => false,
        }
    }

    fn value(self, key: &ApiKeyEntry) -> Value {
        match self {
            Self::Id => Value::Id(key.id.uuid()),
            Self::UserId => Value::Id(key.user.uuid()),
            Self::CreatedAt => Value::Time(key.created_at),
        }
    }

    fn id(key: &ApiKeyEntry) -> Uuid {
        key.id.uuid()
    }
}
