//! Intents: what was begun with a backend and is not over. They are written first, so that a crash leaves none undone.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::TenantId;

/// What an intent is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentKind {
    /// The stock of an order, at the commerce backend.
    Reservation,
    /// The account of a user, at the auth backend.
    Account,
}

impl IntentKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Account => "account",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Reservation, Self::Account].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is about to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIntent {
    /// What it is about.
    pub kind: IntentKind,
    /// The id of the order, or of the user.
    pub subject: Uuid,
    /// How far it is, in a word of its kind.
    pub state: &'static str,
    /// What is needed to go on with it. Never a secret.
    pub payload: Value,
    /// After which time the job takes it for left behind.
    pub due_in: Duration,
}

/// What is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is about.
    pub kind: IntentKind,
    /// The id of the order, or of the user.
    pub subject: Uuid,
    /// How far it is, in a word of its kind.
    pub state: String,
    /// What is needed to go on with it.
    pub payload: Value,
    /// How often the job took it up.
    pub attempts: i32,
}
