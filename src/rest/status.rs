//! `GET /api/v1/status`: which gateway this is and how it is doing.

use std::time::Instant;

use axum::extract::State;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::Success;
use super::openapi::words;
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

pub(super) fn routes() -> OpenApiRouter<Started> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Which gateway this is and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    #[schema(examples("olympus"))]
    name: &'static str,
    #[schema(examples("1.2.3"))]
    version: &'static str,
    #[schema(schema_with = phases)]
    phase: &'static str,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(minimum = 0)]
    uptime_seconds: u64,
}

const PHASES: [Phase; 4] = [Phase::Starting, Phase::Serving, Phase::HandingOver, Phase::Draining];

fn phases() -> Object {
    words(PHASES.map(word))
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Serving => "serving",
        Phase::HandingOver => "handing_over",
        Phase::Draining => "draining",
    }
}

/// Show which gateway this is
#[utoipa::path(
    get, path = "/api/v1/status", tag = "gateway", operation_id = "getStatus",
    responses((status = 200, description = "This instance.", body = Success<Status>)),
    security(()),
)]
async fn show(State(started): State<Started>) -> Success<Status> {
    Success::new(Status {
        name: "olympus",
        version: env!("CARGO_PKG_VERSION"),
        phase: word(started.lifecycle.phase()),
        started_at: started.time.to_rfc3339_opts(SecondsFormat::Secs, true),
        uptime_seconds: started.at.elapsed().as_secs(),
    })
}
