//! The limits a request would count for, and what is left of each now.

use serde::{Deserialize, Serialize};

use crate::limits::Standing;

/// One limit, as it stands for the one who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// Its name.
    pub name: String,
    /// What it counts by.
    pub key: String,
    /// How many are left, before this request.
    pub left: u64,
    /// How many may come at once after a pause.
    pub burst: u64,
    /// Seconds until all of them are there again.
    pub reset_seconds: u64,
    /// Whether it would admit the request.
    pub admits: bool,
    /// Whether it only counts what it would refuse.
    pub shadow: bool,
    /// Where it is counted: `local`, `redis`, or `fallback` while Redis is away.
    pub counted: String,
}

/// What the limits said.
pub(super) fn limit_facts(standings: &[Standing]) -> Vec<LimitFacts> {
    let facts = |it: &Standing| LimitFacts {
        name: it.rule.name.to_string(),
        key: it.rule.key(),
        left: it.left_before(),
        burst: it.quota.burst(),
        reset_seconds: it.reset_before_seconds(),
        admits: it.would_admit(),
        shadow: it.rule.is_shadow,
        counted: it.tier.as_str().to_owned(),
    };
    standings.iter().map(facts).collect()
}
