//! `GET sessions`, `DELETE sessions/{id}`, `DELETE sessions`: where a caller is logged in, and the end of it.

use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;

use super::desk::{Answer, Desk};
use crate::error::Kind;
use crate::http::Problem;
use crate::model::Session;
use crate::rest::asked::moment;
use crate::rest::envelope::Success;

#[derive(Debug, Serialize)]
pub(super) struct Shown {
    id: String,
    agent: String,
    address: String,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    /// Whether the caller calls from it.
    current: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Ended {
    ended: usize,
}

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

pub(super) async fn end(desk: Desk, Path(id): Path<String>) -> Result<StatusCode, Answer> {
    let caller = desk.caller()?;
    // What is no id is nobody's session.
    let id = id.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such session"))?;
    desk.sessions.end(caller, id, (&desk.terms, &desk.visit), desk.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn end_others(desk: Desk) -> Result<Success<Ended>, Answer> {
    let ended = desk.sessions.end_others(desk.caller()?, &desk.terms, &desk.visit, desk.now).await?;
    Ok(Success::new(Ended { ended }))
}
