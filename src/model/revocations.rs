//! What was taken back before it expired.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ApiKeyId, SessionId, TenantId, TokenId};

/// One thing taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// One access token.
    Token(TokenId),
    /// Every token of one login.
    Session(SessionId),
    /// Every token of a user that was issued before this moment, to the second.
    User(TenantId, Box<str>, DateTime<Utc>),
    /// The same of all users of a tenant.
    Tenant(TenantId, DateTime<Utc>),
    /// One API key.
    #[serde(rename = "api_key")]
    Key(ApiKeyId),
}

/// Something taken back, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place among all that were recorded.
    pub id: i64,
    /// What was taken back.
    pub what: Revocation,
    /// From when on nothing it speaks of could be good any more.
    pub until: DateTime<Utc>,
}

impl Revocation {
    /// How long it is remembered that all tokens of somebody were taken back: none that is made here lives longer, by
    /// whatever configuration, with its leeway.
    pub const MEMORY: TimeDelta = TimeDelta::hours(25);
    /// The longest leeway: so long after its end a token may still be believed.
    pub const LEEWAY: TimeDelta = TimeDelta::minutes(2);

    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Session(_) => "session",
            Self::User(..) => "user",
            Self::Tenant(..) => "tenant",
            Self::Key(_) => "api_key",
        }
    }

    /// What it speaks of, in words.
    pub fn subject(&self) -> String {
        match self {
            Self::Token(id) => id.to_string(),
            Self::Session(id) => id.to_string(),
            Self::User(_, subject, _) => subject.to_string(),
            Self::Tenant(id, _) => id.to_string(),
            Self::Key(id) => id.to_string(),
        }
    }

    /// Before when what it speaks of was issued, where that matters.
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::User(_, _, since) | Self::Tenant(_, since) => Some(*since),
            Self::Token(_) | Self::Session(_) | Self::Key(_) => None,
        }
    }

    /// The one that these words stand for.
    pub fn from_words(
        kind: &str,
        subject: &str,
        (tenant, not_before): (TenantId, DateTime<Utc>),
    ) -> Option<Self> {
        match kind {
            "token" => subject.parse().ok().map(Self::Token),
            "session" => subject.parse().ok().map(Self::Session),
            "user" => Some(Self::User(tenant, subject.into(), not_before)),
            "tenant" => Some(Self::Tenant(tenant, not_before)),
            "api_key" => subject.parse().ok().map(Self::Key),
            _ => None,
        }
    }
}
