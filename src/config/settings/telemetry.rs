//! Logs and metrics.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Period;

/// `[telemetry]`: logs and metrics. Messages go to standard error, access lines to standard output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Least severity of messages that are written.
    pub level: Level,
    /// One line for each request.
    pub access_log: AccessLog,
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
