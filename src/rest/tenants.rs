//! `/api/v1/tenants`: tenants, for those who run the platform.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, Wanted, moment, problem};
use super::document::Document;
use super::envelope::{Listed, Success};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::resource::{Answer, Call, Conditions, OfNew, OfOne, Prefer, Resource, Which};
use super::selection::Members;
use crate::domain::{Found, Tenants};
use crate::http::Problem;
use crate::model::{NewTenant, Tenant, TenantChange, TenantId, TenantStatus};

/// Longest name, in characters.
const LONGEST_NAME: usize = 200;
/// Longest short name, in bytes.
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

impl Resource for Shown {
    type Thing = Tenant;
    const NAME: &'static str = "tenant";
    const PATH: &'static str = "/api/v1/tenants";
    const MEMBERS: Members = Members {
        fields: &["id", "slug", "name", "status", "limits", "version", "created_at", "updated_at"],
        includes: &[],
        of_tenant: false,
    };

    fn of(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.clone(),
            name: tenant.name.clone(),
            status: tenant.status.as_str(),
            limits: tenant.limits.clone(),
            version: tenant.version,
            created_at: moment(tenant.created_at),
            updated_at: moment(tenant.updated_at),
        }
    }

    fn place(&self) -> (&str, i64) {
        (&self.id, self.version)
    }
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
        Self { slug: document.text("slug", LONGEST_SLUG), name: document.line("name", LONGEST_NAME) }
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
            name: document.optional_line("name", LONGEST_NAME),
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
    Ok(Listed::new(page.items.iter().map(Shown::of).collect(), wanted.limit, next))
}

/// Show a tenant
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "getTenant",
    params(OfOne<Shown>),
    responses((status = 200, description = "The tenant.", body = Success<Shown>)),
)]
async fn show(State(tenants): State<Tenants>, call: Call<Shown>, which: Which<TenantId>) -> Answer {
    let found = tenants.get(&call.by.caller, which.id, &call.by.visit).await;
    call.read(found.map(Found::fresh))
}

/// Make a tenant
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "tenants", operation_id = "createTenant",
    params(OfNew<Shown>, IdempotencyKey, Prefer),
    request_body = Made,
    responses((status = 201, description = "The new tenant.", body = Success<Shown>)),
)]
async fn create(State(tenants): State<Tenants>, call: Call<Shown>, mut document: Document) -> Answer {
    let Made { slug, name } = Made::take(&mut document);
    let keyed = document.keyed();
    document.finish()?;
    let new = NewTenant { id: TenantId::new(), slug, name };
    call.once((StatusCode::CREATED, keyed), move |by, once| async move {
        tenants.create(&by.caller, &new, (&by.visit, &once)).await
    })
    .await
}

/// Change a tenant
///
/// What is not named stays as it is.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{id}", tag = "tenants", operation_id = "updateTenant",
    params(OfOne<Shown>, IdempotencyKey, Conditions, Prefer),
    request_body = Change,
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>)),
)]
async fn update(
    State(tenants): State<Tenants>,
    call: Call<Shown>,
    which: Which<TenantId>,
    mut document: Document,
) -> Answer {
    let Change { name, limits } = Change::take(&mut document);
    let keyed = document.keyed();
    document.finish()?;
    let change = TenantChange { name, limits, status: None };
    call.once((StatusCode::OK, keyed), move |by, once| async move {
        let (which, rules) = ((which.id, &which.expected), &by.settings.limits);
        tenants.update(&by.caller, which, &change, (rules, &by.visit, &once)).await
    })
    .await
}

/// Suspend a tenant
///
/// Its tokens and keys are refused on every instance from now on.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/suspend", tag = "tenants", operation_id = "suspendTenant",
    params(OfOne<Shown>, Conditions, Prefer),
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>)),
)]
async fn suspend(State(tenants): State<Tenants>, call: Call<Shown>, which: Which<TenantId>) -> Answer {
    let (which, by) = ((which.id, &which.expected), &call.by);
    call.changed(tenants.suspend(&by.caller, which, &by.visit, by.now).await)
}

/// Let a tenant in again
///
/// Access tokens from before stay refused: its users refresh theirs. Its API keys are good again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/resume", tag = "tenants", operation_id = "resumeTenant",
    params(OfOne<Shown>, Conditions, Prefer),
    responses((status = 200, description = "The tenant as it is now.", body = Success<Shown>)),
)]
async fn resume(State(tenants): State<Tenants>, call: Call<Shown>, which: Which<TenantId>) -> Answer {
    let (which, by) = ((which.id, &which.expected), &call.by);
    call.changed(tenants.resume(&by.caller, which, &by.visit, by.now).await)
}
