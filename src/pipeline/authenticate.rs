//! Who calls: asked of the request's token on the way in, told to the backend on the way out.

use std::borrow::Cow;

use chrono::Utc;
use http::header::{HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};

use super::admit::Refusal;
use super::exchange::Exchange;
use super::route::Route;
use crate::config::{Auth, IdentityForm};
use crate::error::Kind;
use crate::http::Problem;
use crate::identity::{Caller, Denial, Reason};

const USER: HeaderName = HeaderName::from_static("x-user-id");
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");
const ROLES: HeaderName = HeaderName::from_static("x-roles");
const IDENTITY: HeaderName = HeaderName::from_static("x-olympus-identity");

/// Finds out who calls, where the route asks.
pub(super) async fn authenticate(
    exchange: &mut Exchange,
    route: &Route,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let is_required = match route.auth {
        Auth::None => return Ok(()),
        Auth::Optional => false,
        Auth::Required => true,
    };
    exchange.caller = exchange.snapshot.identity.authenticate(headers, Utc::now()).await.map_err(refuse)?;
    match exchange.caller.is_none() && is_required {
        true => Err(refuse(Denial::MISSING)),
        false => Ok(()),
    }
}

/// Tells a backend who calls, in the form its route asks for.
pub(super) fn introduce(exchange: &Exchange, headers: &mut HeaderMap) {
    let (Some(caller), Some(route)) = (&exchange.caller, &exchange.route) else { return };
    match (route.identity, &exchange.upstream) {
        (IdentityForm::Headers, _) => tell(caller, headers),
        (IdentityForm::Signed, Some(upstream)) => {
            match exchange.snapshot.identity.identity(caller, upstream, Utc::now()) {
                Ok(value) => drop(headers.insert(IDENTITY, value)),
                // The backend refuses a request without it.
                Err(error) => tracing::error!(%error, route = %route.name, "tell a backend who calls"),
            }
        }
        (IdentityForm::Signed, None) | (IdentityForm::None, _) => {}
    }
}

fn tell(caller: &Caller, headers: &mut HeaderMap) {
    let mut digits = [0; 36];
    let tenant = caller.tenant.uuid().hyphenated().encode_lower(&mut digits);
    let roles: Cow<'_, str> = match &*caller.roles {
        [role] => (&**role).into(),
        roles => roles.join(",").into(),
    };
    for (name, text) in [(USER, &*caller.subject), (TENANT, tenant), (ROLES, &*roles)] {
        // All of it is visible ASCII since it was verified.
        headers.extend(HeaderValue::from_str(text).ok().map(|value| (name, value)));
    }
}

/// 401 with a challenge (RFC 6750 section 3), but for what is no matter of the token.
fn refuse(denial: Denial) -> Refusal {
    let (kind, code, error) = match denial.reason {
        Reason::Missing => (Kind::Unauthenticated, "token_missing", None),
        Reason::Repeated => (Kind::Invalid, "invalid_request", Some("invalid_request")),
        Reason::Invalid => (Kind::Unauthenticated, "token_invalid", Some("invalid_token")),
        Reason::Expired => (Kind::Unauthenticated, "token_expired", Some("invalid_token")),
        Reason::Revoked => (Kind::Unauthenticated, "token_revoked", Some("invalid_token")),
        Reason::Unavailable => {
            return Problem::new(Kind::Unavailable, denial.detail).with_code("issuer_unavailable").into();
        }
    };
    let challenge = match error {
        None => "Bearer realm=\"olympus\"".to_owned(),
        Some(error) => {
            // Words in back quotes would end a quoted string in no way, and quotes there are none.
            format!("Bearer realm=\"olympus\", error=\"{error}\", error_description=\"{}\"", denial.detail)
        }
    };
    Refusal {
        problem: Problem::new(kind, denial.detail).with_code(code),
        header: HeaderValue::try_from(challenge).ok().map(|value| (WWW_AUTHENTICATE, value)),
    }
}
