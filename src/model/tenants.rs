//! Tenants: whom all data belongs to.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::TenantId;

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name in addresses and logins.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Whether its users may do anything.
    pub status: TenantStatus,
    /// What it has instead of the limits that the configuration gives, by the names of limits.
    pub limits: Map<String, Value>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What every instance keeps in mind of a tenant of which something else is true than of most.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantStanding {
    /// Its id.
    pub id: TenantId,
    /// Whether its users may do anything.
    pub status: TenantStatus,
    /// What it has instead of the limits that the configuration gives, by the names of limits.
    pub limits: Map<String, Value>,
}

/// What is said of a new tenant.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

/// What is to be changed of a tenant.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// A new name for people.
    pub name: Option<String>,
    /// Limits of its own, in the place of all it had.
    pub limits: Option<Map<String, Value>>,
    /// Whether its users may do anything from now on.
    pub status: Option<TenantStatus>,
}

/// Whether the users of a tenant may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantStatus {
    /// They may.
    Active,
    /// They may not, until it is active again.
    Suspended,
}

impl TenantStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|status| status.as_str() == word)
    }
}
