//! What is known of an endpoint, in one word with its reason. Picks, metrics and views all go by it.

use std::sync::Arc;
use std::time::Instant;

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It takes its full share.
    Healthy,
    /// New or recovered: its share is growing.
    Warming,
    /// Its breaker lets a few trials through.
    HalfOpen,
    /// It failed enough checks in a row.
    Unhealthy,
    /// It failed several times in a row and is left out for a while.
    Ejected,
    /// Too many of its tries failed: its breaker is open.
    Broken,
}

impl State {
    /// Every state, for tables and metrics.
    pub const ALL: [State; 6] =
        [State::Healthy, State::Warming, State::HalfOpen, State::Unhealthy, State::Ejected, State::Broken];

    /// The word for metrics and the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::Warming => "warming",
            State::HalfOpen => "half_open",
            State::Unhealthy => "unhealthy",
            State::Ejected => "ejected",
            State::Broken => "broken",
        }
    }

    /// Whether nothing speaks against it.
    pub fn is_good(self) -> bool {
        matches!(self, State::Healthy | State::Warming)
    }
}

/// How an endpoint stands, why, since when and until when.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// When it changes by itself, if it does.
    pub until: Option<Instant>,
    /// Why, in words.
    pub reason: Arc<str>,
    /// Whether it passes its active checks, or none are made.
    pub is_passing: bool,
}
