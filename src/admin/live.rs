//! What is in force at this moment. Swapped whole when it changes; whoever reads it sees one state.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::config::{Address, Change, Loaded, Mistakes, Settings};
use crate::upstream::Pools;

/// What is in force.
#[derive(Debug, Clone)]
pub struct Live {
    /// The configuration, and where each value comes from.
    pub loaded: Arc<Loaded>,
    /// What the process was started with and no reload changes: no upstreams, no routes.
    pub booted: Arc<Settings>,
    /// The pools, with overrides applied.
    pub pools: Pools,
    /// What operators set aside from the configuration.
    pub overrides: Vec<Override>,
    /// Changes that are not in force before the process is started again.
    pub pending: Vec<Change>,
    /// What came of the last reload; `None` before the first.
    pub last_reload: Option<Arc<LastReload>>,
}

/// What came of a reload.
#[derive(Debug, Clone)]
pub struct LastReload {
    /// When it was.
    pub time: DateTime<Utc>,
    /// Who or what asked for it.
    pub trigger: Trigger,
    /// What changed, or why nothing did.
    pub result: Result<Vec<Change>, Mistakes>,
}

/// Who or what asks for a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// SIGHUP.
    Signal,
    /// A file changed.
    File,
    /// The admin API.
    Admin,
}

/// A weight an operator gave an endpoint; 0 drains it. It goes before the configuration, through reloads, until it
/// expires, is taken back or the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The pool.
    pub upstream: String,
    /// The endpoint.
    pub address: Address,
    /// Its share instead of the configured one.
    pub weight: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `None` until it is taken back.
    pub until: Option<DateTime<Utc>>,
    /// Who did it and why, in their words.
    pub note: String,
}

impl Override {
    /// Who set it, in their words, and until when.
    pub fn told(&self) -> String {
        let who = match self.note.as_str() {
            "" => "an operator".to_owned(),
            note => format!("an operator ({note})"),
        };
        match self.until {
            Some(until) => format!("{who} until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)),
            None => who,
        }
    }

    /// Whether both are about the same endpoint.
    pub fn is_about(&self, upstream: &str, address: &Address) -> bool {
        self.upstream == upstream && self.address == *address
    }
}
