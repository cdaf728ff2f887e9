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
    /// Reads that are in memory before anybody asks for them: at the start, and again after each change.
    #[schemars(length(max = 100))]
    pub warm: Vec<WarmPath>,
}

impl Default for Cache {
    fn default() -> Self {
        Self { memory: ByteSize::mebibytes(32), ttl: Period::seconds(30), warm: Vec::new() }
    }
}

/// One entry of `cache.warm`: a read of products as a client of the tenant asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmPath {
    /// The short name of the tenant.
    pub tenant: String,
    /// The path with its query, such as `/api/v1/products?limit=20`.
    pub path: String,
}
