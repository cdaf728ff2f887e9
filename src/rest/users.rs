//! `/api/v1/users`: the people and service accounts of a tenant.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, moment, problem};
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged, of_list, of_thing};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::representation::Representation;
use super::selection::{Members, Selection};
use crate::config::Secret;
use crate::domain::{Errands, Terms, Users};
use crate::error::{Error, Kind, Result};
use crate::http::Problem;
use crate::identity::Caller;
use crate::model::{Direction, User, UserDraft, UserField, UserId, UserStatus, is_email};

/// Longest texts, in characters.
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 200;
/// Most roles, and the longest name of one, in bytes.
const MOST_ROLES: usize = 16;
const LONGEST_ROLE: usize = 63;
/// How long passwords are, in bytes: what the auth service takes.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=1024;

/// What nobody sets, and what may come back with the rest of a document.
const GIVEN: &[&str] = &["id", "version", "created_at", "updated_at"];

const OFFER: Offer<UserField> = Offer {
    noun: "users",
    sort: (UserField::CreatedAt, Direction::Descending),
    is_searched: false,
    members: Members {
        fields: &["id", "email", "name", "status", "roles", "version", "created_at", "updated_at"],
        includes: &[],
    },
};

pub(super) fn routes() -> OpenApiRouter<Users> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

/// What may be asked of the list.
struct OfList;

impl IntoParams for OfList {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_list(&OFFER)
    }
}

/// What may be asked of one.
struct OfOne;

impl IntoParams for OfOne {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_thing(OFFER.members)
    }
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
struct Shown {
    #[schema(format = "uuid")]
    id: String,
    /// Unique in the tenant, whatever the case of its letters.
    #[schema(examples("ada@shop.example"))]
    email: String,
    #[schema(examples("Ada"))]
    name: String,
    #[schema(schema_with = statuses)]
    status: &'static str,
    /// The names of their roles, sorted.
    #[schema(examples("member"))]
    roles: Vec<String>,
    /// It grows with each change.
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

fn statuses() -> Object {
    words(UserStatus::WORDS.iter().copied())
}

/// What a user is made from.
#[derive(Debug, ToSchema)]
#[schema(as = NewUser)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a document that is taken apart member by member")]
struct Made {
    #[schema(pattern = "^[^@\\s]+@[^@\\s]+$", max_length = 254, examples("ada@shop.example"))]
    email: String,
    #[schema(min_length = 1, max_length = 200, examples("Ada"))]
    name: String,
    /// Names of roles of the policy, none of which may do more than the caller.
    #[schema(min_items = 1, max_items = 16, examples("member"))]
    roles: Vec<String>,
    /// 8 to 1024 bytes. It goes to the auth service and is not kept here.
    #[schema(min_length = 8, max_length = 1024, write_only, examples("correct horse battery"))]
    password: String,
}

/// What a user is from now on.
#[derive(Debug, ToSchema)]
#[schema(as = UserReplacement)]
#[expect(dead_code, reason = "it describes a document that is taken apart member by member")]
struct Replaced {
    #[schema(pattern = "^[^@\\s]+@[^@\\s]+$", max_length = 254, examples("ada@shop.example"))]
    email: String,
    #[schema(min_length = 1, max_length = 200, examples("Ada"))]
    name: String,
    #[schema(schema_with = statuses)]
    status: String,
    /// Names of roles of the policy.
    #[schema(min_items = 1, max_items = 16, examples("member"))]
    roles: Vec<String>,
}

/// List users
///
/// The newest first, unless `sort` says otherwise. Who may see only themselves gets a list of one.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", operation_id = "listUsers",
    params(OfList),
    responses((status = 200, description = "A page of users.", body = Paged<Shown>,
               headers(("ETag" = String, description = "A digest of the page."),
                       ("Link" = String, description = "The first, next and previous page (RFC 8288)."),
                       ("X-Total-Count" = u64, description = "How many there are, at least.")))),
)]
async fn list(State(users): State<Users>, asked: Asked) -> Result<Response, Problem> {
    let caller = asked.acting()?;
    let wanted = asked.listing(&OFFER, &caller)?;
    let most = asked.settings.rest.count_cap;
    let listed = users.list(&caller, &wanted.listing, most, &asked.visit).await;
    let (page, count) = listed.map_err(problem)?;
    Ok(wanted.page(&page, count, shown).map_err(problem)?.read(&asked.headers))
}

/// Show a user
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users", operation_id = "getUser",
    params(("id" = Uuid, Path, description = "The id of the user."), OfOne),
    responses((status = 200, description = "The user.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it.")))),
)]
async fn show(State(users): State<Users>, asked: Asked, Path(id): Path<String>) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let user = users.get(&caller, id_of(&id)?, &asked.visit).await.map_err(problem)?;
    Ok(represented(&user, &selection).map_err(problem)?.read(&asked.headers))
}

/// Make a user
///
/// They are active at once and may log in with the password. 503 where the auth service does not answer; then nothing of
/// it stays.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", operation_id = "createUser",
    params(OfOne, IdempotencyKey,
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Made,
    responses((status = 201, description = "The new user.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."),
                       ("Location" = String, description = "Its path.")))),
)]
async fn create(
    State(users): State<Users>,
    Keeper(terms): Keeper,
    asked: Asked,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let keyed = document.keyed();
    let password = password(&mut document);
    let draft = draft(document, &caller, UserStatus::Active)?;
    // Without a password the document had a fault.
    let password = password.ok_or_else(|| Problem::new(Kind::Invalid, "the password is missing"))?;
    let (headers, actor) = (asked.headers.clone(), caller.clone());
    let (visit, now) = (asked.visit.clone(), asked.now);
    let show = move |user: &User| created(user, &selection, &headers);
    let create = move |once| async move {
        let errands = Errands { terms: &terms, visit: &visit, now };
        users.create(&actor, (&draft, &password), errands, &once).await
    };
    asked.once((&caller, keyed), show, create).await
}

/// Replace a user
///
/// What is sent is all that is said of them. `id`, `version`, `created_at` and `updated_at` may come along, unread. Who is
/// suspended or loses a role loses what came of it at once.
#[utoipa::path(
    put, path = "/api/v1/users/{id}", tag = "users", operation_id = "replaceUser",
    params(("id" = Uuid, Path, description = "The id of the user."), OfOne,
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version."),
           ("Prefer" = Option<String>, Header, description = "`return=minimal`: without the document.")),
    request_body = Replaced,
    responses((status = 200, description = "The user as they are now.", body = Success<Shown>,
               headers(("ETag" = String, description = "Its version, and what is shown of it."))),
              (status = 204, description = "The same, where no document is wanted.")),
)]
async fn replace(
    State(users): State<Users>,
    Keeper(terms): Keeper,
    asked: Asked,
    Path(id): Path<String>,
    mut document: Document,
) -> Result<Response, Problem> {
    let (caller, selection) = (asked.acting()?, asked.selection(OFFER.members)?);
    let which = (id_of(&id)?, &asked.expected()?);
    document.ignore(GIVEN);
    let status = document.optional_word("status", UserStatus::WORDS, UserStatus::from_word);
    // What is left out of a replacement would be lost without a word.
    let status = document.needed("status", status);
    let draft = draft(document, &caller, status)?;
    let errands = Errands { terms: &terms, visit: &asked.visit, now: asked.now };
    let user = users.replace(&caller, which, &draft, errands).await.map_err(problem)?;
    let changed = represented(&user, &selection).map_err(problem)?;
    Ok(changed.written(StatusCode::OK, &asked.headers))
}

/// Take a user away
///
/// Their sessions, tokens, API keys and roles end at once. Orders keep their id.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", tag = "users", operation_id = "deleteUser",
    params(("id" = Uuid, Path, description = "The id of the user."),
           ("tenant_id" = Option<Uuid>, Query, description = "Another tenant, for those who may enter it."),
           ("If-Match" = Option<String>, Header, description = "Only if it is still of this version.")),
    responses((status = 204, description = "They are gone.")),
)]
async fn remove(
    State(users): State<Users>,
    Keeper(terms): Keeper,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (caller, _) = (asked.acting()?, asked.selection(Members { fields: &[], includes: &[] })?);
    let which = (id_of(&id)?, &asked.expected()?);
    let errands = Errands { terms: &terms, visit: &asked.visit, now: asked.now };
    users.remove(&caller, which, errands).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is nobody's.
fn id_of(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound, "there is no such thing"))
}

/// The password of a new user. It goes to the auth service and nowhere else.
fn password(document: &mut Document) -> Option<Secret> {
    let (least, most) = (PASSWORD.start(), PASSWORD.end());
    let password = document.text("password", *most);
    if !password.is_empty() && password.len() < *least {
        document.fault("password", "too_short", &format!("has less than {least} bytes"));
    }
    password.parse().ok()
}

fn draft(mut document: Document, caller: &Caller, status: UserStatus) -> Result<UserDraft, Problem> {
    let (email, name) = (document.line("email", LONGEST_EMAIL), document.line("name", LONGEST_NAME));
    if !email.is_empty() && !is_email(&email) {
        document.fault("email", "invalid", "must be an address such as ada@shop.example");
    }
    let roles = roles(&mut document, caller);
    document.finish()?;
    Ok(UserDraft { email, name, status, roles })
}

/// Roles that the policy knows, one at least; sorted, and each once.
fn roles(document: &mut Document, caller: &Caller) -> Vec<String> {
    let is_there = document.has("roles");
    let mut roles = document.texts::<Role>("roles", MOST_ROLES, LONGEST_ROLE);
    if is_there && roles.is_empty() {
        document.fault("roles", "empty", "name one role at least");
    }
    for (index, Role(role)) in roles.iter().enumerate() {
        if caller.rights.cover_role(caller.tenant, role).is_none() {
            document.fault(&format!("roles/{index}"), "unknown_role", "is no role of the policy");
        }
    }
    roles.sort();
    roles.dedup();
    roles.into_iter().map(|Role(role)| role).collect()
}

/// The name of a role.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Role(String);

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// By which terms this is done.
struct Keeper(Arc<Terms>);

impl<S: Sync> FromRequestParts<S> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // The pipeline puts them into every request.
        let missing = || Problem::from(Error::internal("serve a request without the terms of sessions"));
        head.extensions.get().cloned().map(Self).ok_or_else(missing)
    }
}

fn created(user: &User, selection: &Selection, asked: &HeaderMap) -> Response {
    let place = format!("/api/v1/users/{}", user.id);
    match represented(user, selection) {
        Ok(made) => made.located(&place).written(StatusCode::CREATED, asked),
        Err(error) => problem(error).into_response(),
    }
}

fn represented(user: &User, selection: &Selection) -> Result<Representation> {
    match selection.is_whole() {
        true => Representation::of_version(user.version, shown(user)),
        false => Representation::of_version(user.version, selection.of(shown(user))?),
    }
}

fn shown(user: &User) -> Shown {
    Shown {
        id: user.id.to_string(),
        email: user.email.clone(),
        name: user.name.clone(),
        status: user.status.as_str(),
        roles: user.roles.clone(),
        version: user.version,
        created_at: moment(user.created_at),
        updated_at: moment(user.updated_at),
    }
}
