//! Pools of backends: who is in them, how they are chosen, watched and waited for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Address, Period};

/// `[upstreams.NAME]`: a pool of interchangeable backends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The backends. At least one.
    #[schemars(length(min = 1))]
    pub endpoints: Vec<Endpoint>,
    /// How one of them is chosen.
    #[serde(default)]
    pub balance: Balance,
    /// How long a connection may take to be established.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
    /// How long one try may take, from its start to the head of the answer.
    #[serde(default = "try_timeout")]
    pub try_timeout: Period,
    /// How long the backend may be silent between two pieces of an answer, or slow to take a piece of a request.
    #[serde(default = "idle_timeout")]
    pub idle_timeout: Period,
    /// How long an unused connection is kept for the next request.
    #[serde(default = "keepalive_timeout")]
    pub keepalive_timeout: Period,
    /// Active checks. Absent: every endpoint counts as healthy.
    #[serde(default)]
    pub health: Option<Health>,
    /// When a failed try is repeated on another endpoint.
    #[serde(default)]
    pub retry: Retry,
}

fn connect_timeout() -> Period {
    Period::millis(500)
}
fn try_timeout() -> Period {
    Period::seconds(2)
}
fn idle_timeout() -> Period {
    Period::seconds(30)
}
fn keepalive_timeout() -> Period {
    Period::seconds(60)
}

/// One backend of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `host:port` with a literal IP address, or `unix:/path`.
    pub address: Address,
    /// Its share of the traffic beside the others of its priority; 0 takes none.
    #[serde(default = "one")]
    #[schemars(range(max = 1000))]
    pub weight: u32,
    /// Tier: the lowest number with a healthy endpoint is used.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub priority: u32,
}

fn one() -> u32 {
    1
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Smooth weighted round robin: by weight, spread evenly over time.
    #[default]
    Wrr,
}

/// `[upstreams.NAME.health]`: active checks. Either `path` or `tcp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Path asked with GET over HTTP.
    pub path: Option<String>,
    /// Only open a connection.
    pub tcp: bool,
    /// `Host` sent with the check. Absent: the endpoint's address.
    pub host: Option<String>,
    /// Status that means healthy.
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: u16,
    /// Between two checks of one endpoint.
    pub interval: Period,
    /// How long a check may take.
    pub timeout: Period,
    /// Failed checks in a row that make an endpoint unhealthy.
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_after: u32,
    /// Passed checks in a row that make it healthy again.
    #[schemars(range(min = 1, max = 100))]
    pub healthy_after: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: None,
            tcp: false,
            host: None,
            expect_status: 200,
            interval: Period::seconds(2),
            timeout: Period::millis(500),
            unhealthy_after: 3,
            healthy_after: 2,
        }
    }
}

/// `[upstreams.NAME.retry]`: when a failed try is repeated.
///
/// A connection that could not be opened carried nothing, so any method is tried again; after that only
/// idempotent methods whose answer had not begun and whose body fits 64 KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Tries after the first.
    #[schemars(range(max = 10))]
    pub max_retries: u32,
    /// Which failures are tried again.
    pub on: Vec<RetryOn>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_retries: 2, on: vec![RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout] }
    }
}

/// A failure that may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// The connection could not be opened in time.
    Connect,
    /// The connection broke before the head of the answer.
    Reset,
    /// The head of the answer did not come within `try_timeout`.
    Timeout,
}
