//! Logs, metrics and traces.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{HttpUrl, Period};

/// `[telemetry]`: logs, metrics and traces. Messages go to standard error, access lines to standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Least severity of messages that are written.
    pub level: Level,
    /// One line for each request.
    pub access_log: AccessLog,
    /// Where traces are sent. Absent: none are made.
    #[schemars(extend("x-reload" = "restart"))]
    pub otlp: Option<Otlp>,
    /// Share of requests that are traced, from 0 to 1. Trusted proxies decide for the requests they pass on.
    #[schemars(range(min = 0, max = 1))]
    pub trace_sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { level: Level::default(), access_log: AccessLog::default(), otlp: None, trace_sample: 0.01 }
    }
}

/// `[telemetry.otlp]`: a collector that takes traces by OTLP over HTTP, in protobuf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// Where spans are posted to; of collectors usually a URL that ends in `/v1/traces`.
    pub endpoint: HttpUrl,
    /// How long the collector may take to accept some.
    #[serde(default = "otlp_timeout")]
    pub timeout: Period,
    /// What the gateway is called in traces.
    #[serde(default = "service_name")]
    pub service_name: String,
}

fn otlp_timeout() -> Period {
    Period::seconds(10)
}
fn service_name() -> String {
    "olympus".to_owned()
}

/// Severity of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something failed that needs a person.
    Error,
    /// Something failed that was handled.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// `telemetry.access_log`: one JSON line for each request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLog {
    /// Share of successful requests that get a line, from 0 to 1. Failed and slow ones always do.
    #[schemars(range(min = 0, max = 1))]
    pub sample: f64,
    /// Requests that took longer than this always get a line.
    pub slow: Period,
    /// File the lines are appended to. Absent: standard output.
    #[schemars(with = "Option<String>", extend("x-reload" = "restart"))]
    pub file: Option<PathBuf>,
}

impl Default for AccessLog {
    fn default() -> Self {
        Self { sample: 1.0, slow: Period::seconds(1), file: None }
    }
}
