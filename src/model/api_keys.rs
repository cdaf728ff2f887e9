//! API keys: what programs call with in the place of a person.

use chrono::{DateTime, Utc};

use super::{ApiKeyId, TenantId, UserId};

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

/// By what keys are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeySort {
    /// When they were made.
    CreatedAt,
}
