//! The cache of what is read often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Period};

/// `[cache]`: what is read often is kept in memory. Absent: nothing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// How much of it is kept.
    pub memory: ByteSize,
    /// How long something is kept at most, even if nobody is heard to change it.
    pub ttl: Period,
}

impl Default for Cache {
    fn default() -> Self {
        Self { memory: ByteSize::mebibytes(32), ttl: Period::seconds(30) }
    }
}
