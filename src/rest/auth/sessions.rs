//! `GET sessions`, `DELETE sessions/{id}`, `DELETE sessions`: where a caller is logged in, and the end of it.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::{Answer, Desk};
use crate::error::Kind;
use crate::http::Problem;
use crate::model::Session;
use crate::rest::asked::moment;
use crate::rest::envelope::Success;

/// A login of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// What the device says it is.
    agent: String,
    /// Where it called from when it logged in.
    #[schema(examples("203.0.113.7"))]
    address: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_seen_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether the caller calls from it.
    current: bool,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub(super) struct Ended {
    ended: usize,
}

/// List where the caller is logged in
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", tag = "sessions", operation_id = "listSessions",
    responses((status = 200, description = "The caller's sessions.", body = Success<Vec<Shown>>)),
)]
pub(super) async fn list(desk: Desk) -> Result<Success<Vec<Shown>>, Answer> {
    let caller = desk.caller()?;
    let sessions = desk.sessions.list(caller, &desk.visit, desk.now).await?;
    let shown = |session: &Session| Shown {
        id: session.id.to_string(),
        agent: session.device.agent.clone(),
        address: session.device.address.clone(),
        created_at: moment(session.created_at),
        last_seen_at: moment(session.last_seen_at),
        expires_at: moment(session.expires_at),
        current: caller.session == Some(session.id),
    };
    Ok(Success::new(sessions.iter().map(shown).collect()))
}

/// Log a device out
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", tag = "sessions", operation_id = "deleteSession",
    params(("id" = Uuid, Path, description = "The id of the session.")),
    responses((status = 204, description = "Its tokens are refused from now on.")),
)]
pub(super) async fn end(desk: Desk, Path(id): Path<String>) -> Result<StatusCode, Answer> {
    let caller = desk.caller()?;
    // What is no id is nobody's session.
    let id = id.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such session"))?;
    desk.sessions.end(caller, id, (&desk.terms, &desk.visit), desk.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log all other devices out
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions", tag = "sessions", operation_id = "deleteOtherSessions",
    responses((status = 200, description = "The session of this request goes on.", body = Success<Ended>)),
)]
pub(super) async fn end_others(desk: Desk) -> Result<Success<Ended>, Answer> {
    let ended = desk.sessions.end_others(desk.caller()?, &desk.visit, desk.now).await?;
    Ok(Success::new(Ended { ended }))
}
