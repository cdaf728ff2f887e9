//! `/api/v1/tenants`: tenants, for those who run the platform.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Map, Value};

use super::asked::{Asked, moment, problem, tag};
use super::document::Document;
use super::envelope::{Listed, Success};
use crate::domain::Tenants;
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{NewTenant, Tenant, TenantChange, TenantId};

/// Longest name and short name, in bytes; the database counts characters.
const LONGEST_NAME: usize = 800;
const LONGEST_SLUG: usize = 63;

pub(super) fn router(tenants: Tenants) -> Router {
    Router::new()
        .route("/api/v1/tenants", get(list).post(create))
        .route("/api/v1/tenants/{id}", get(show).patch(update))
        .route("/api/v1/tenants/{id}/suspend", post(suspend))
        .route("/api/v1/tenants/{id}/resume", post(resume))
        .with_state(tenants)
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    slug: String,
    name: String,
    status: &'static str,
    limits: Map<String, Value>,
    version: i64,
    created_at: String,
    updated_at: String,
}

async fn list(State(tenants): State<Tenants>, asked: Asked) -> Result<Listed<Shown>, Problem> {
    let wanted = asked.page()?;
    let after = (wanted.after.as_str(), wanted.limit);
    let page = tenants.list(&asked.caller, after, &asked.visit).await.map_err(problem)?;
    let next = page.items.last().filter(|_| page.has_more).map(|tenant| tenant.slug.clone());
    Ok(Listed::new(page.items.into_iter().map(shown).collect(), wanted.limit, next))
}

async fn show(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let tenant = tenants.get(&asked.caller, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    Ok(answer(tenant))
}

async fn create(
    State(tenants): State<Tenants>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let new = NewTenant {
        id: TenantId::new(),
        slug: document.text("slug", LONGEST_SLUG),
        name: document.text("name", LONGEST_NAME),
    };
    document.finish()?;
    let tenant = tenants.create(&asked.caller, &new, &asked.visit).await.map_err(problem)?;
    let place = format!("/api/v1/tenants/{}", tenant.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], answer(tenant)).into_response())
}

async fn update(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let name = document.optional_text("name", LONGEST_NAME);
    let limits = document.optional_object("limits");
    document.finish()?;
    let change = TenantChange { name, limits, status: None };
    let (which, with) = ((id_of(&id)?, asked.version()?), (&asked.settings.limits, &asked.visit));
    let tenant = tenants.update(&asked.caller, which, &change, with).await.map_err(problem)?;
    Ok(answer(tenant))
}

async fn suspend(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let which = (id_of(&id)?, asked.version()?);
    let done = tenants.suspend(&asked.caller, which, &asked.visit, asked.now).await;
    done.map(answer).map_err(problem)
}

async fn resume(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let which = (id_of(&id)?, asked.version()?);
    let done = tenants.resume(&asked.caller, which, &asked.visit, asked.now).await;
    done.map(answer).map_err(problem)
}

/// What is no id is no tenant's.
fn id_of(text: &str) -> Result<TenantId, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such thing"))
}

fn answer(tenant: Tenant) -> Response {
    let tag: [(HeaderName, String); 1] = [tag(tenant.version)];
    (tag, Success::new(shown(tenant))).into_response()
}

fn shown(tenant: Tenant) -> Shown {
    Shown {
        id: tenant.id.to_string(),
        slug: tenant.slug,
        name: tenant.name,
        status: tenant.status.as_str(),
        limits: tenant.limits,
        version: tenant.version,
        created_at: moment(tenant.created_at),
        updated_at: moment(tenant.updated_at),
    }
}
