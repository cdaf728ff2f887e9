//! `/api/v1/auth/api-keys`: keys for programs. What a key is is shown once, in the answer that made it.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::asked::{Asked, moment, problem, unfit};
use super::document::Document;
use super::envelope::{Listed, Success};
use crate::config::Permitted;
use crate::domain::{ApiKeys, WantedKey};
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{ApiKeyEntry, ApiKeySort, Direction, Key, Place, Window};

const LONGEST_NAME: usize = 800;
/// Most scopes of a key, and the longest of them, in bytes.
const MOST_SCOPES: usize = 64;
const LONGEST_SCOPE: usize = 100;

pub(super) fn router(keys: ApiKeys) -> Router {
    Router::new()
        .route("/api/v1/auth/api-keys", get(list).post(create))
        .route("/api/v1/auth/api-keys/{id}", delete(revoke))
        .with_state(keys)
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    user_id: String,
    name: String,
    /// The key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    hint: String,
    scopes: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

async fn list(State(keys): State<ApiKeys>, asked: Asked) -> Result<Listed<Shown>, Problem> {
    let (wanted, caller) = (asked.page()?, asked.acting()?);
    let after = match wanted.after.as_str() {
        "" => None,
        text => Some(place(text).ok_or_else(|| unfit("after", "must be the `next` of a page before"))?),
    };
    let (sort, direction) = (ApiKeySort::CreatedAt, Direction::Ascending);
    let window = Window { sort, direction, after, limit: wanted.limit };
    let page = keys.list(&caller, &window, &asked.visit).await.map_err(problem)?;
    let next = page.items.last().filter(|_| page.has_more).map(cursor);
    Ok(Listed::new(page.items.into_iter().map(|it| shown(it, None)).collect(), wanted.limit, next))
}

async fn create(
    State(keys): State<ApiKeys>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let name = document.text("name", LONGEST_NAME);
    let scopes = document.texts::<Permitted>("scopes", MOST_SCOPES, LONGEST_SCOPE);
    let expires_at = document.optional_moment("expires_at");
    document.finish()?;
    let (caller, wanted) = (asked.acting()?, WantedKey { name, scopes, expires_at });
    let made = keys.create(&caller, &wanted, &asked.visit, asked.now).await;
    let (key, entry) = made.map_err(problem)?;
    let shown = Success::new(shown(entry, Some(key.expose().to_owned())));
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], shown).into_response())
}

async fn revoke(
    State(keys): State<ApiKeys>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    // What is no id is no key's.
    let id = id.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such key"))?;
    keys.revoke(&*asked.acting()?, id, &asked.visit, asked.now).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(entry: ApiKeyEntry, key: Option<String>) -> Shown {
    Shown {
        id: entry.id.to_string(),
        user_id: entry.user.to_string(),
        name: entry.name,
        key,
        hint: entry.hint,
        scopes: entry.scopes,
        created_at: moment(entry.created_at),
        expires_at: entry.expires_at.map(moment),
        last_used_at: entry.last_used_at.map(moment),
    }
}

/// The place of a key in the list, as clients hand it back.
fn cursor(entry: &ApiKeyEntry) -> String {
    format!("{}.{}", entry.created_at.timestamp_micros(), entry.id)
}

fn place(text: &str) -> Option<Place> {
    let (micros, id) = text.split_once('.')?;
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
    Some(Place { key: Key::Time(time), id: id.parse().ok()? })
}
