//! Which client connections are open: `GET /connections`, bounded, the oldest first.

use std::net::IpAddr;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::View;
use crate::error::Kind;
use crate::http::Problem;
use crate::telemetry::{OpenConnection, is_from};

/// Connections listed at most in one answer.
const MOST: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    listener: Option<String>,
    client: Option<IpAddr>,
    #[serde(default = "usual")]
    limit: usize,
}

fn usual() -> usize {
    100
}

#[derive(Debug, Serialize)]
pub(super) struct ConnectionsView {
    /// How many fit the question, listed or not.
    total: usize,
    connections: Vec<ConnectionView>,
}

#[derive(Debug, Serialize)]
struct ConnectionView {
    listener: String,
    client: Option<String>,
    tls: bool,
    protocol: Option<&'static str>,
    state: &'static str,
    open_seconds: f64,
    requests: u32,
}

pub(super) async fn connections(
    State(view): State<View>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<ConnectionsView>, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| Problem::new(Kind::Invalid, rejection.body_text()))?;
    let fits = |it: &OpenConnection| {
        wanted.listener.as_ref().is_none_or(|name| it.listener() == name)
            && wanted.client.is_none_or(|client| is_from(it, client))
    };
    let (found, total) = view.metrics.connections.register().oldest(fits, wanted.limit.min(MOST));
    let now = Instant::now();
    let connections = found.iter().map(|connection| connection_view(connection, now)).collect();
    Ok(Json(ConnectionsView { total, connections }))
}

fn connection_view(connection: &OpenConnection, now: Instant) -> ConnectionView {
    let doing = connection.doing();
    ConnectionView {
        listener: connection.listener().to_owned(),
        client: connection.client().map(|client| client.to_string()),
        tls: connection.is_tls(),
        protocol: doing.protocol(),
        state: doing.as_str(),
        open_seconds: connection.age(now).as_secs_f64(),
        requests: connection.requests(),
    }
}
