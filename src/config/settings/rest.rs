//! The REST API: pages of lists, and what changes ask for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Period};

/// `[rest]`: the API of routes with `local = "rest"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rest {
    /// Items of a page where a request does not say `limit`.
    #[schemars(range(min = 1, max = 1000))]
    pub default_limit: u16,
    /// Most items of a page.
    #[schemars(range(min = 1, max = 1000))]
    pub max_limit: u16,
    /// How far the items of a list are counted. A longer one is said to have at least so many.
    #[schemars(range(min = 1, max = 100_000))]
    pub count_cap: u32,
    /// Whether what changes or deletes a thing must say in `If-Match` which version it means.
    pub require_if_match: bool,
    /// How long an answer is kept for requests that are sent again with the same `Idempotency-Key`. From 1m.
    pub idempotency_ttl: Period,
    /// Largest picture of a product. The route's `max_body` must admit it too.
    pub image_bytes: ByteSize,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            default_limit: 20,
            max_limit: 200,
            count_cap: 1000,
            require_if_match: false,
            idempotency_ttl: Period::seconds(24 * 3600),
            image_bytes: ByteSize::mebibytes(2),
        }
    }
}
