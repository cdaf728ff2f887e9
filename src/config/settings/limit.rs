//! Rate limits: how often those who are counted together may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{LimitKey, Rate};

/// `[limits.NAME]`: how often requests of one key are admitted. Routes refer to it by its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What is counted together: the requests that are alike in all of these.
    #[schemars(length(min = 1))]
    pub key: Vec<LimitKey>,
    /// How often in the long run.
    pub rate: Rate,
    /// How many may come at once after a pause. Absent: what the rate admits in a second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub burst: Option<u32>,
    /// What one request takes of it, unless its route says otherwise (`limit_cost`).
    #[serde(default = "cost")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub cost: u32,
    /// What is done while Redis does not answer.
    #[serde(default)]
    pub when_redis_fails: WhenRedisFails,
    /// How many instances share the rate at least, for `local`: the rate is divided by this or by how many there were
    /// when Redis was last seen, whichever is more.
    #[serde(default = "instances")]
    #[schemars(range(min = 1, max = 10_000))]
    pub instances: u32,
    /// Whether it only counts what it would refuse.
    #[serde(default)]
    pub shadow: bool,
}

impl Limit {
    /// How many may come at once after a pause.
    pub fn burst(&self) -> u64 {
        self.burst.map_or_else(|| self.rate.each_second(), u64::from)
    }
}

fn cost() -> u32 {
    1
}
fn instances() -> u32 {
    1
}

/// What a limit does while Redis does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenRedisFails {
    /// Each instance counts by itself, up to its share of the rate and the burst.
    #[default]
    Local,
    /// Everything is admitted.
    Open,
    /// Nothing is admitted: 503.
    Closed,
}
