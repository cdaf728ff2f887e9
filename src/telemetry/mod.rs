//! What the gateway tells its operators: metrics, the access log, messages, traces.
//! Labels are bounded: routes, upstreams and endpoints come from the configuration, never from requests.

mod access;
mod cache;
mod connections;
mod exposition;
mod json;
mod messages;
mod metrics;
mod postgres;
mod register;
mod request;
mod revocations;
mod series;
mod shared;
mod shown;
mod spans;
mod tokens;
mod traces;

pub use access::{AccessLog, Line, Sampling};
pub use cache::CacheMetrics;
pub use connections::{Connections, ListenerConnections};
pub use exposition::{Exposition, Family, Measure};
pub use messages::{AUDIT, Messages};
pub use metrics::{ActiveRequest, Metrics};
pub use postgres::Postgres;
pub use register::{Doing, OpenConnection, Register, Registered, is_from};
pub use request::{request_id, serving};
pub use revocations::RevocationMetrics;
pub use series::{ENDPOINT, UPSTREAM};
pub use shared::{LimitCounters, LimitMetrics, LimitOutcome, LimitTier, RedisMetrics};
pub use spans::{Position, Span};
pub use tokens::Tokens;
pub use traces::Traces;

use std::io;
use std::sync::Arc;

use crate::config;

/// A cheap handle on metrics, the access log and traces.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The access log.
    pub access: Arc<AccessLog>,
    /// What sends spans.
    pub traces: Traces,
}

impl Telemetry {
    /// Opens the access log and registers the metrics.
    ///
    /// # Errors
    /// The file of the access log cannot be opened.
    pub fn new(settings: &config::Telemetry, traces: Traces) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let access = Arc::new(AccessLog::open(&settings.access_log, metrics.access_lines_dropped.clone())?);
        Ok(Self { metrics, access, traces })
    }
}
