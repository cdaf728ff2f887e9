//! What answers say of callers, their rights and their tokens.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::domain::Account;
use crate::identity::{Caller, Entry, Reach, Single};
use crate::model::{Tenant, User};
use crate::rest::asked::moment;
use crate::rest::openapi::words;

/// Who a caller is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    /// The subject of the token.
    id: String,
    /// None where the subject is no user here.
    user: Option<Person>,
    tenant: Home,
    token: Token,
}

/// A user, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnUser)]
struct Person {
    #[schema(examples("viewer@acme.example"))]
    email: String,
    name: String,
    #[schema(examples("active"))]
    status: &'static str,
    roles: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// The tenant of a caller; of one that is not in the database only the id is known.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = OwnTenant)]
struct Home {
    #[schema(format = "uuid")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("acme"))]
    slug: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("active"))]
    status: Option<&'static str>,
}

/// The token of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnToken)]
struct Token {
    roles: Vec<String>,
    /// None where it belongs to no session.
    #[schema(format = "uuid")]
    session_id: Option<String>,
    #[schema(format = DateTime)]
    issued_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl Me {
    pub(super) fn of(caller: &Caller, account: Account) -> Self {
        let token = Token {
            roles: roles(caller),
            session_id: caller.session.map(|id| id.to_string()),
            issued_at: moment(caller.issued),
            expires_at: moment(caller.expires),
        };
        let unknown = || Home { id: caller.tenant.to_string(), ..Home::default() };
        let tenant = account.tenant.map_or_else(unknown, home);
        Self { id: caller.subject.to_string(), user: account.user.map(person), tenant, token }
    }
}

fn person(user: User) -> Person {
    Person {
        email: user.email,
        name: user.name,
        status: user.status.as_str(),
        roles: user.roles,
        created_at: moment(user.created_at),
    }
}

fn home(tenant: Tenant) -> Home {
    Home {
        id: tenant.id.to_string(),
        slug: Some(tenant.slug),
        name: Some(tenant.name),
        status: Some(tenant.status.as_str()),
    }
}

/// What a caller may do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Permissions {
    roles: Vec<String>,
    permissions: Vec<Right>,
}

/// What a caller may do of one permission.
#[derive(Debug, Serialize, ToSchema)]
struct Right {
    #[schema(examples("orders:read"))]
    permission: String,
    /// Whether it is for all things, only for one's own, or for none.
    #[schema(schema_with = reaches)]
    reach: &'static str,
    /// Who says so.
    #[schema(examples("allowed: role `viewer` says so"))]
    because: String,
    /// The things with which it is otherwise.
    things: Vec<RightWithOne>,
}

/// What a caller may do of one permission with one thing.
#[derive(Debug, Serialize, ToSchema)]
struct RightWithOne {
    /// The id of the thing.
    id: String,
    /// Whether it is for this thing, only where it is one's own, or not.
    #[schema(schema_with = reaches)]
    reach: &'static str,
    /// Who says so.
    #[schema(examples("allowed: grant `manager for 0195f7a0-0000-7000-8000-000000000002` says so"))]
    because: String,
}

impl Permissions {
    pub(super) fn of(caller: &Caller) -> Self {
        let permissions = caller.rights.overview().into_iter().map(right).collect();
        Self { roles: roles(caller), permissions }
    }
}

fn right(entry: Entry) -> Right {
    let because = entry.decision.to_string();
    let things = entry.single.into_iter().map(right_with_one).collect();
    Right { permission: entry.permission, reach: word(entry.reach), because, things }
}

fn right_with_one(single: Single) -> RightWithOne {
    let because = single.decision.to_string();
    RightWithOne { id: single.thing.into(), reach: word(single.reach), because }
}

fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::All => "all",
        Reach::Own => "own",
        Reach::Nothing => "none",
    }
}

fn reaches() -> Object {
    words([Reach::All, Reach::Own, Reach::Nothing].map(word))
}

/// What a token says (RFC 7662 section 2.2); of one that is not good only that it is not.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Introspection {
    active: bool,
    #[serde(flatten)]
    #[schema(inline)]
    said: Option<Said>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Said {
    sub: String,
    #[schema(format = "uuid")]
    tenant: String,
    roles: Vec<String>,
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    jti: Option<String>,
}

impl Introspection {
    pub(super) fn of(caller: &Caller) -> Self {
        let said = Said {
            sub: caller.subject.to_string(),
            tenant: caller.tenant.to_string(),
            roles: roles(caller),
            token_type: "Bearer",
            iat: caller.issued.timestamp(),
            exp: caller.expires.timestamp(),
            sid: caller.session.map(|id| id.to_string()),
            jti: caller.token.map(|id| id.to_string()),
        };
        Self { active: true, said: Some(said) }
    }
}

fn roles(caller: &Caller) -> Vec<String> {
    caller.roles.iter().map(ToString::to_string).collect()
}
