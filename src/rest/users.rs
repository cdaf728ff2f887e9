//! `/api/v1/users`: the people and service accounts of a tenant.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::{Asked, moment, problem};
use super::document::Document;
use super::envelope::Success;
use super::listing::{Offer, Paged};
use super::once::IdempotencyKey;
use super::openapi::words;
use super::resource::{
    Answer, Call, Conditions, Listed, Many, OfList, OfNew, OfOne, OfRemoval, Prefer, Resource, Which,
};
use super::selection::Members;
use crate::config::Secret;
use crate::domain::{Errands, Found, Users};
use crate::error::{Kind, Result};
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
        of_tenant: true,
    },
};

pub(super) fn routes() -> OpenApiRouter<Users> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
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

impl Resource for Shown {
    type Thing = User;
    const NAME: &'static str = "user";
    const PATH: &'static str = "/api/v1/users";
    const MEMBERS: Members = OFFER.members;

    fn of(user: &User) -> Self {
        Self {
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

    fn place(&self) -> (&str, i64) {
        (&self.id, self.version)
    }
}

impl Listed for Shown {
    type Field = UserField;
    const OFFER: Offer<UserField> = OFFER;
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
    params(OfList<Shown>),
    responses((status = 200, description = "A page of users.", body = Paged<Shown>)),
)]
async fn list(State(users): State<Users>, many: Many<Shown>) -> Answer {
    let listed = users.list(&many.by.caller, &many.wanted.listing, many.most, &many.by.visit).await;
    many.read(listed.map(Found::fresh))
}

/// Show a user
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users", operation_id = "getUser",
    params(OfOne<Shown>),
    responses((status = 200, description = "The user.", body = Success<Shown>)),
)]
async fn show(State(users): State<Users>, call: Call<Shown>, which: Which<UserId>) -> Answer {
    call.read(users.get(&call.by.caller, which.id, &call.by.visit).await)
}

/// Make a user
///
/// They are active at once and may log in with the password. 503 where the auth service does not answer; then nothing of
/// it stays.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", operation_id = "createUser",
    params(OfNew<Shown>, IdempotencyKey, Prefer),
    request_body = Made,
    responses((status = 201, description = "The new user.", body = Success<Shown>)),
)]
async fn create(State(users): State<Users>, call: Call<Shown>, mut document: Document) -> Answer {
    let keyed = document.keyed();
    let password = password(&mut document);
    let draft = draft(document, &call.by.caller, UserStatus::Active)?;
    // Without a password the document had a fault.
    let password = password.ok_or_else(|| Problem::new(Kind::Invalid, "the password is missing"))?;
    call.once((StatusCode::CREATED, keyed), move |by, once| async move {
        users.create(&by.caller, (&draft, &password), errands(&by)?, &once).await
    })
    .await
}

/// Replace a user
///
/// What is sent is all that is said of them. `id`, `version`, `created_at` and `updated_at` may come along, unread. Who is
/// suspended or loses a role loses what came of it at once.
#[utoipa::path(
    put, path = "/api/v1/users/{id}", tag = "users", operation_id = "replaceUser",
    params(OfOne<Shown>, Conditions, Prefer),
    request_body = Replaced,
    responses((status = 200, description = "The user as they are now.", body = Success<Shown>)),
)]
async fn replace(
    State(users): State<Users>,
    call: Call<Shown>,
    which: Which<UserId>,
    mut document: Document,
) -> Answer {
    document.ignore(GIVEN);
    let status = document.optional_word("status", UserStatus::WORDS, UserStatus::from_word);
    // What is left out of a replacement would be lost without a word.
    let status = document.needed("status", status);
    let draft = draft(document, &call.by.caller, status)?;
    let (which, errands) = ((which.id, &which.expected), errands(&call.by).map_err(problem)?);
    call.changed(users.replace(&call.by.caller, which, &draft, errands).await)
}

/// Take a user away
///
/// Their sessions, tokens, API keys and roles end at once. Orders keep their id.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", tag = "users", operation_id = "deleteUser",
    params(OfRemoval<Shown>, Conditions),
    responses((status = 204, description = "They are gone.")),
)]
async fn remove(State(users): State<Users>, call: Call<Shown>, which: Which<UserId>) -> Answer {
    let errands = errands(&call.by).map_err(problem)?;
    call.removed(users.remove(&call.by.caller, (which.id, &which.expected), errands).await)
}

fn errands(by: &Asked) -> Result<Errands<'_>> {
    Ok(Errands { terms: by.terms()?, visit: &by.visit, now: by.now })
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
    let roles = document.texts::<Role>("roles", MOST_ROLES, LONGEST_ROLE);
    if is_there && roles.is_empty() {
        document.fault("roles", "empty", "name one role at least");
    }
    for (index, Role(role)) in &roles {
        if caller.rights.cover_role(caller.tenant, role).is_none() {
            document.fault(&format!("roles/{index}"), "unknown_role", "is no role of the policy");
        }
    }
    let names: BTreeSet<String> = roles.into_iter().map(|(_, Role(role))| role).collect();
    names.into_iter().collect()
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
