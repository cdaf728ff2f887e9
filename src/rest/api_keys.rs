//! `/api/v1/auth/api-keys`: keys for programs. What a key is is shown once, in the answer that made it.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, moment, problem};
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged, of_list};
use super::selection::Members;
use crate::config::Permitted;
use crate::domain::{ApiKeys, WantedKey};
use crate::error::Kind;
use crate::http::Problem;
use crate::model::{ApiKeyEntry, ApiKeyField, Direction};

/// Longest name of a key, in characters.
const LONGEST_NAME: usize = 200;
/// Most scopes of a key, and the longest of them, in bytes.
const MOST_SCOPES: usize = 64;
const LONGEST_SCOPE: usize = 100;

const OFFER: Offer<ApiKeyField> = Offer {
    noun: "api_keys",
    sort: (ApiKeyField::CreatedAt, Direction::Ascending),
    is_searched: false,
    members: Members {
        fields: &["id", "user_id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at"],
        includes: &[],
        of_tenant: true,
    },
};

pub(super) fn routes() -> OpenApiRouter<ApiKeys> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// What may be asked of the list.
struct OfList;

impl IntoParams for OfList {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_list(&OFFER)
    }
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// Whose it is.
    #[schema(format = "uuid")]
    user_id: String,
    #[schema(examples("nightly export"))]
    name: String,
    /// The key itself, in the answer that made it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
    /// How it begins, to know it by.
    hint: String,
    /// The permissions it is for.
    #[schema(examples("orders:read"))]
    scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ends by itself, if it does.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// About when it was used last, if it was.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// What a key is made from.
#[derive(Debug, ToSchema)]
#[schema(as = NewApiKey)]
#[serde(deny_unknown_fields)]
struct Made {
    #[schema(min_length = 1, max_length = 200, examples("nightly export"))]
    name: String,
    /// The permissions it is for, all of which its maker has.
    #[schema(schema_with = scopes)]
    scopes: Vec<Permitted>,
    /// When it ends by itself. Without it, it does not.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<DateTime<Utc>>,
}

fn scopes() -> Array {
    let word = "(\\*|[a-z][a-z0-9_]*)";
    let scope = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{word}:{word}(:own)?$")))
        .max_length(Some(LONGEST_SCOPE))
        .examples(["orders:read"]);
    let about = "The permissions it is for, all of which its maker has.";
    ArrayBuilder::new().items(scope).max_items(Some(MOST_SCOPES)).description(Some(about)).build()
}

impl Made {
    fn take(document: &mut Document) -> Self {
        let scopes = document.texts::<Permitted>("scopes", MOST_SCOPES, LONGEST_SCOPE);
        Self {
            name: document.line("name", LONGEST_NAME),
            scopes: scopes.into_iter().map(|(_, scope)| scope).collect(),
            expires_at: document.optional_moment("expires_at"),
        }
    }
}

/// List API keys
///
/// Those of the tenant for callers who may see these, else one's own. The oldest first, unless `sort` says otherwise.
#[utoipa::path(
    get, path = "/api/v1/auth/api-keys", tag = "api keys", operation_id = "listApiKeys",
    params(OfList),
    responses((status = 200, description = "A page of keys.", body = Paged<Shown>,
               headers(("ETag" = String, description = "A digest of the page."),
                       ("Link" = String, description = "The first, next and previous page (RFC 8288)."),
                       ("X-Total-Count" = u64, description = "How many there are, at least.")))),
)]
async fn list(State(keys): State<ApiKeys>, asked: Asked) -> Result<Response, Problem> {
    let asked = asked.acting_for(OFFER.members)?;
    let wanted = asked.listing(&OFFER)?;
    let most = asked.settings.rest.count_cap;
    let (page, count) =
        keys.list(&asked.caller, &wanted.listing, (most, &asked.visit)).await.map_err(problem)?;
    let shown = |entry: &ApiKeyEntry| shown(entry.clone(), None);
    Ok(wanted.page(&page, count, shown).map_err(problem)?.read(&asked.headers))
}

/// Make an API key
///
/// The answer shows the key itself; nothing shows it again.
#[utoipa::path(
    post, path = "/api/v1/auth/api-keys", tag = "api keys", operation_id = "createApiKey",
    params(("tenant_id" = Option<Uuid>, Query, description = "The tenant to act in, for those who run the platform.")),
    request_body = Made,
    responses((status = 201, description = "The new key.", body = Success<Shown>)),
)]
async fn create(
    State(keys): State<ApiKeys>,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let Made { name, scopes, expires_at } = Made::take(&mut document);
    document.finish()?;
    let (caller, wanted) = (asked.acting()?, WantedKey { name, scopes, expires_at });
    let made = keys.create(&caller, &wanted, &asked.visit, asked.now).await;
    let (key, entry) = made.map_err(problem)?;
    let shown = Success::new(shown(entry, Some(key.expose().to_owned())));
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], shown).into_response())
}

/// Take an API key back
#[utoipa::path(
    delete, path = "/api/v1/auth/api-keys/{id}", tag = "api keys", operation_id = "deleteApiKey",
    params(("id" = Uuid, Path, description = "The id of the key."),
           ("tenant_id" = Option<Uuid>, Query, description = "The tenant to act in, for those who run the platform.")),
    responses((status = 204, description = "Every instance refuses it from now on.")),
)]
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
