//! Users: people and service accounts of a tenant.

use chrono::{DateTime, Utc};

use super::UserId;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address, as they wrote it. Unique in the tenant whatever the case of its letters.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Whether they may do anything.
    pub status: UserStatus,
    /// The names of their roles for all of the tenant, sorted.
    pub roles: Vec<String>,
    /// Counts their changes.
    pub version: i64,
    /// When they were made.
    pub created_at: DateTime<Utc>,
    /// When they were changed last.
    pub updated_at: DateTime<Utc>,
}

/// What is said of a new user.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
}

/// What is to be changed of a user.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new address.
    pub email: Option<String>,
    /// A new name.
    pub name: Option<String>,
    /// Whether they may do anything from now on.
    pub status: Option<UserStatus>,
}

/// Whether a user may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// They may.
    Active,
    /// They may not, until they are active again.
    Suspended,
}

impl UserStatus {
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

/// By what users are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// When they were made.
    CreatedAt,
    /// Their name.
    Name,
    /// Their address, whatever the case of its letters.
    Email,
}
