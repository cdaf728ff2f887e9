//! `/api/v1/tenants`: tenants, for those who run the platform.

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, Wanted, moment, problem, tag};
use super::document::Document;
use super::envelope::{Listed, Success};
use super::once::IdempotencyKey;
use super::openapi::words;
use crate::domain::Tenants;
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{NewTenant, Tenant, TenantChange, TenantId, TenantStatus};

/// Longest name and short name, in bytes; the database counts characters.
const LONGEST_NAME: usize = 800;
const LONGEST_SLUG: usize = 63;

pub(super) fn routes() -> OpenApiRouter<Tenants> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update))
        .routes(routes!(suspend))
        .routes(routes!(resume))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// The short name, by which its users log in.
    #[schema(examples("acme"))]
    slug: String,
    #[schema(examples("Acme Ltd."))]
    name: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// Limits of its own, by their names.
    limits: Map<String, Value>,
    /// It grows with each change.
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

fn statuses() -> Object {
    words([TenantStatus::Active, TenantStatus::Suspended].map(TenantStatus::as_str))
}

/// What a tenant is made from.
#[derive(Debug, ToSchema)]
#[schema(as = NewTenant)]
#[serde(deny_unknown_fields)]
struct Made {
    /// Small letters, digits and hyphens; it is never changed.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", examples("initech"))]
    slug: String,
    #[schema(min_length = 1, max_length = 200, examples("Initech"))]
    name: String,
}

impl Made {
    fn take(document: &mut Document) -> Self {
        Self { slug: document.text("slug", LONGEST_SLUG), name: document.text("name", LONGEST_NAME) }
    }
}

/// What of a tenant is to be changed.
#[derive(Debug, ToSchema)]
#[schema(as = TenantChange)]
#[serde(deny_unknown_fields)]
struct Change {
    #[schema(min_length = 1, max_length = 200, nullable = false, examples("Acme Ltd."))]
    name: Option<String>,
    /// Limits of its own, instead of those it has. Their names are those of the configuration.
    #[schema(nullable = false)]
    limits: Option<Map<String, Value>>,
}

impl Change {
    fn take(document: &mut Document) -> Self {
        Self {
            name: document.optional_text("name", LONGEST_NAME),
            limits: document.optional_object("limits"),
        }
    }
}

/// List tenants
///
/// All of them in the order of their short names for those who run the platform, else one's own.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "tenants", operation_id = "listTenants",
    params(Wanted),
    responses((status = 200, description = "A page of tenants.", body = Listed<Shown>)),
)]
async fn list(State(tenants): State<Tenants>, asked: Asked) -> Result<Listed<Shown>, Problem> {
    let wanted = asked.page()?;
    let after = (wanted.after.as_str(), wanted.limit);
    let page = tenants.list(&asked.caller, after, &asked.visit).await.map_err(problem)?;
    let next = page.items.last().filter(|_| page.has_more).map(|tenant| tenant.slug.clone());
    Ok(Listed::new(page.items.into_iter().map(shown).collect(), wanted.limit, next))
}

/// Show a tenant
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "getTenant",
    params(("id" = Uuid, Path, description = "The id of the tenant.")),
    responses((status = 200, description = "The tenant.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version.")))),
)]
async fn show(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let tenant = tenants.get(&asked.caller, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    Ok(answer(tenant))
}

/// Make a tenant
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "tenants", operation_id = "createTenant",
    params(IdempotencyKey),
    request_body = Made,
    responses((status = 201, description = "The new tenant.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version."),
                       ("Location" = String, description = "Its path.")))),
)]
async fn create(
    State(tenants): State<Tenants>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let Made { slug, name } = Made::take(&mut document);
    let sender = (&*asked.caller, document.keyed());
    document.finish()?;
    let new = NewTenant { id: TenantId::new(), slug, name };
    let (caller, visit) = (asked.caller.clone(), asked.visit.clone());
    let create = move |once| async move { tenants.create(&caller, &new, (&visit, &once)).await };
    asked.once(sender, created, create).await
}

/// Change a tenant
///
/// What is not named stays as it is.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "updateTenant",
    params(("id" = Uuid, Path, description = "The id of the tenant."),
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version."),
           IdempotencyKey),
    request_body = Change,
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version.")))),
)]
async fn update(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let Change { name, limits } = Change::take(&mut document);
    let sender = (&*asked.caller, document.keyed());
    document.finish()?;
    let (which, change) = ((id_of(&id)?, asked.version()?), TenantChange { name, limits, status: None });
    let (caller, visit, settings) = (asked.caller.clone(), asked.visit.clone(), asked.settings.clone());
    let update = move |once| async move {
        tenants.update(&caller, which, &change, (&settings.limits, &visit, &once)).await
    };
    asked.once(sender, |changed: &Tenant| answer(changed.clone()), update).await
}

/// Suspend a tenant
///
/// Its tokens and keys are refused on every instance from now on.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/suspend", tag = "tenants", operation_id = "suspendTenant",
    params(("id" = Uuid, Path, description = "The id of the tenant."),
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version.")),
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version.")))),
)]
async fn suspend(
    State(tenants): State<Tenants>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let which = (id_of(&id)?, asked.version()?);
    let done = tenants.suspend(&asked.caller, which, &asked.visit, asked.now).await;
    done.map(answer).map_err(problem)
}

/// Let a tenant in again
///
/// Its users log in anew; its API keys are good again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/resume", tag = "tenants", operation_id = "resumeTenant",
    params(("id" = Uuid, Path, description = "The id of the tenant."),
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version.")),
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version.")))),
)]
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

fn created(tenant: &Tenant) -> Response {
    let place = format!("/api/v1/tenants/{}", tenant.id);
    (StatusCode::CREATED, [(header::LOCATION, place)], answer(tenant.clone())).into_response()
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
