//! Pools of backends: who is in them, how they are chosen, checked and waited for.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resilience::{Breaker, Outlier, Retry};
use super::transport::{Protocol, Tls};
use crate::config::{Address, Balance, Period};

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
    /// Which HTTP they speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// Encrypted connections. Absent: plain ones.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// How long a connection may take to be established, the TLS handshake included.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
    /// How long one try may take, from its start to the head of the answer.
    #[serde(default = "try_timeout")]
    pub try_timeout: Period,
    /// How long the backend may be silent between two pieces of an answer, or slow to take a piece of a request.
    /// A tunnel may be silent.
    #[serde(default = "idle_timeout")]
    pub idle_timeout: Period,
    /// How long an unused connection is kept for the next request.
    #[serde(default = "keepalive_timeout")]
    pub keepalive_timeout: Period,
    /// Requests the pool works on at the same time; more are refused at once.
    #[serde(default = "max_concurrency")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_concurrency: u32,
    /// How long a new or recovered endpoint takes to its full share, beginning with a tenth. "0s": at once.
    #[serde(default = "slow_start")]
    pub slow_start: Period,
    /// Percent of the endpoints that must take traffic: with fewer, all of them are used. 0: never.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub panic_threshold: u32,
    /// Active checks. Absent: every endpoint counts as healthy.
    #[serde(default)]
    pub health: Option<Health>,
    /// When an endpoint that fails is left alone.
    #[serde(default)]
    pub outlier: Outlier,
    /// When an endpoint, or the pool, is given up for a while.
    #[serde(default)]
    pub breaker: Breaker,
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
fn max_concurrency() -> u32 {
    1024
}
fn slow_start() -> Period {
    Period::seconds(10)
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
    /// Who gave it another weight than the configuration, and until when.
    #[serde(skip)]
    pub set_by: Option<Arc<str>>,
}

fn one() -> u32 {
    1
}

/// `[upstreams.NAME.health]`: active checks. Either `path` or `tcp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Path asked with GET over HTTP.
    pub path: Option<String>,
    /// Only open a connection.
    pub tcp: bool,
    /// `Host` sent with the check. Absent: the endpoint's address; over a Unix socket `tls.sni`, or `localhost`.
    pub host: Option<String>,
    /// Status that means healthy.
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: u16,
    /// Text that the first 64 KiB of the answer's body must contain.
    pub expect_body: Option<String>,
    /// Between two checks of an endpoint that is healthy.
    pub interval: Period,
    /// Between two checks of one that is not.
    pub unhealthy_interval: Period,
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
            expect_body: None,
            interval: Period::seconds(2),
            unhealthy_interval: Period::millis(500),
            timeout: Period::millis(500),
            unhealthy_after: 3,
            healthy_after: 2,
        }
    }
}
