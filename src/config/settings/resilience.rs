//! What a pool learns from failures: ejection, circuit breaker, retries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Period;

/// `[upstreams.NAME.outlier]`: an endpoint that fails several times in a row takes no traffic for a while.
///
/// Never the last endpoint that takes traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outlier {
    /// Failures in a row that eject an endpoint: 5xx, timeouts, resets, refused connections. 0: never.
    #[schemars(range(max = 1000))]
    pub consecutive_failures: u32,
    /// How long the first ejection lasts. Each further one lasts this much longer, up to ten times; each such
    /// time without an ejection takes one back.
    pub base_ejection_time: Period,
    /// Percent of the endpoints that may be ejected at the same time; one always may.
    #[schemars(range(max = 100))]
    pub max_ejection_percent: u32,
    /// Whether every passed active check ends an ejection. One that follows failed checks does in any case.
    pub uneject_on_check: bool,
}

impl Default for Outlier {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            base_ejection_time: Period::seconds(10),
            max_ejection_percent: 90,
            uneject_on_check: false,
        }
    }
}

/// `[upstreams.NAME.breaker]`: what fails too often is left alone, then tried with a few requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// What one breaker watches over.
    pub scope: BreakerScope,
    /// Share of failures from which it opens.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub failure_ratio: f64,
    /// Fewer tries than this within the window say nothing; as many failures in a row, with no success for a tenth
    /// of the window, open it too.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_requests: u32,
    /// How far back failures are counted.
    pub window: Period,
    /// How long it stays open.
    pub open_for: Period,
    /// Requests let through to try an endpoint again; that many successes close it, a failure opens it.
    #[schemars(range(min = 1, max = 1000))]
    pub half_open_requests: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            scope: BreakerScope::Endpoint,
            failure_ratio: 0.5,
            min_requests: 20,
            window: Period::seconds(10),
            open_for: Period::seconds(5),
            half_open_requests: 3,
        }
    }
}

/// What one breaker watches over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerScope {
    /// One endpoint each; counts tries.
    Endpoint,
    /// The whole pool; counts what came of requests after all their tries.
    Pool,
    /// There is none.
    Off,
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
    /// Whether methods that are not idempotent are tried again too, after the backend may have acted on them.
    pub all_methods: bool,
    /// Percent of the pool's active requests that may be retries; three always may. Connections that could not
    /// be opened do not count.
    #[schemars(range(max = 100))]
    pub budget_percent: u32,
    /// Longest wait before the first retry; it doubles with each further one, and chance shortens it.
    pub backoff: Period,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_retries: 2,
            on: RetryOn::ALL.to_vec(),
            all_methods: false,
            budget_percent: 20,
            backoff: Period::millis(25),
        }
    }
}

/// A failure that may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// There was no connection: it was refused, not open in time, or TLS failed.
    Connect,
    /// The connection broke, or the backend declined the stream, before the head of the answer.
    Reset,
    /// The head of the answer did not come within `try_timeout`.
    Timeout,
    /// Bad gateway.
    #[serde(rename = "502")]
    Status502,
    /// Service unavailable.
    #[serde(rename = "503")]
    Status503,
    /// Gateway timeout.
    #[serde(rename = "504")]
    Status504,
}

impl RetryOn {
    /// All of them.
    pub const ALL: [RetryOn; 6] = [
        RetryOn::Connect,
        RetryOn::Reset,
        RetryOn::Timeout,
        RetryOn::Status502,
        RetryOn::Status503,
        RetryOn::Status504,
    ];
}
