//! Sessions: what a login on one device began, and the refresh tokens that keep it going.

use chrono::{DateTime, Utc};

use super::{FamilyId, SessionId, TenantId, UserId};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who logged in.
    pub user: UserId,
    /// What they use, as it was last seen.
    pub device: Device,
    /// When they logged in.
    pub created_at: DateTime<Utc>,
    /// When they last refreshed.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it ended, and why.
    pub ended: Option<(DateTime<Utc>, SessionEnd)>,
}

/// What tells one device of a user from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it says it is (`User-Agent`).
    pub agent: String,
    /// Its address.
    pub address: String,
}

/// What is said of a new session.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Who logged in.
    pub user: UserId,
    /// What they use.
    pub device: Device,
    /// When they logged in.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its user said so, on that device.
    Logout,
    /// A refresh token of it was used twice.
    Reuse,
    /// Its user said so elsewhere, or an administrator did.
    Revoked,
    /// Its user was suspended.
    Suspended,
    /// Nobody used it for too long.
    Expired,
}

impl SessionEnd {
    const ALL: [Self; 5] = [Self::Logout, Self::Reuse, Self::Revoked, Self::Suspended, Self::Expired];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }
}

/// What is kept of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    /// The SHA-256 of it.
    pub hash: [u8; 32],
    /// The session it keeps going.
    pub session: SessionId,
    /// The tokens it came of and led to.
    pub family: FamilyId,
    /// Its place among them, from 0.
    pub generation: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it is too late to use it.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Whose a refresh token is, as far as the platform can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshOwner {
    /// The tenant.
    pub tenant: TenantId,
    /// The session.
    pub session: SessionId,
    /// Who logged in.
    pub user: UserId,
}
