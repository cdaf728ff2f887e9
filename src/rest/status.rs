//! `GET /api/v1/status`: which gateway this is and how it is doing.

use std::time::Instant;

use axum::extract::State;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::envelope::Success;
use crate::tasks::{Lifecycle, Phase};

/// When this gateway began, and its life since.
#[derive(Debug, Clone)]
pub(super) struct Started {
    at: Instant,
    time: DateTime<Utc>,
    lifecycle: Lifecycle,
}

impl Started {
    pub(super) fn now(lifecycle: Lifecycle) -> Self {
        Self { at: Instant::now(), time: Utc::now(), lifecycle }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Status {
    name: &'static str,
    version: &'static str,
    phase: &'static str,
    started_at: String,
    uptime_seconds: u64,
}

pub(super) async fn show(State(started): State<Started>) -> Success<Status> {
    Success::new(Status {
        name: "olympus",
        version: env!("CARGO_PKG_VERSION"),
        phase: match started.lifecycle.phase() {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::HandingOver => "handing_over",
            Phase::Draining => "draining",
        },
        started_at: started.time.to_rfc3339_opts(SecondsFormat::Secs, true),
        uptime_seconds: started.at.elapsed().as_secs(),
    })
}
