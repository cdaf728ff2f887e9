//! The service that keeps stock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Period;

/// `[backends.commerce]`: the service that holds goods for orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommerceBackend {
    /// The pool it answers in.
    pub upstream: String,
    /// How long an order may wait for it.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// How long goods are held for an order that is not confirmed. From 1s to 24h.
    #[serde(default = "reservation_ttl")]
    pub reservation_ttl: Period,
}

fn timeout() -> Period {
    Period::seconds(5)
}

fn reservation_ttl() -> Period {
    Period::seconds(15 * 60)
}
