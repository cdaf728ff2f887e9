//! Who calls: asked of the request's token on the way in, told to the backend on the way out.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;

use super::exchange::Exchange;
use super::route::{Route, Target};
use crate::config::{Auth, IdentityForm, Local};
use crate::error::Kind;
use crate::http::{ACCESS_COOKIE, Problem, Refusal, cookie, is_same_origin, may_change};
use crate::identity::{Caller, Denial, Reason};

const USER: HeaderName = HeaderName::from_static("x-user-id");
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");
const ROLES: HeaderName = HeaderName::from_static("x-roles");
const IDENTITY: HeaderName = HeaderName::from_static("x-olympus-identity");

/// Finds out who calls, where the route asks.
pub(super) async fn authenticate(
    exchange: &mut Exchange,
    route: &Route,
    head: &Parts,
) -> Result<(), Refusal> {
    let is_required = match route.auth {
        Auth::None => return Ok(()),
        Auth::Optional => false,
        Auth::Required => true,
    };
    let (now, span) = (Utc::now(), exchange.span.step_within("authenticate"));
    let found = span.clone().run(find(exchange, route, head, now)).await;
    if let Err(refusal) = &found {
        span.fail(refusal.problem.code);
    }
    match found {
        Ok(caller) => exchange.caller = caller,
        // Whoever refreshes has a token that is no longer good: what needs a caller says so itself.
        Err(refusal) if is_asked_later(route) && refusal.problem.status != StatusCode::BAD_REQUEST => {
            exchange.unbelieved = Some(refusal);
        }
        Err(refusal) => return Err(refusal),
    }
    let is_stale = |most| exchange.snapshot.identity.revocations().is_stale(now, most);
    if exchange.caller.is_some() && route.sensitive.is_some_and(is_stale) {
        return Err(stale());
    }
    match exchange.caller.is_none() && is_required {
        true => Err(refuse(Denial::MISSING)),
        false => Ok(()),
    }
}

/// Whether the route's handlers find out themselves whether they need a caller, and say why there is none.
pub(super) fn is_asked_later(route: &Route) -> bool {
    route.auth == Auth::Optional && matches!(route.target, Target::Local(Local::Auth))
}

/// Who the request's token, key or cookie says it is.
async fn find(
    exchange: &Exchange,
    route: &Route,
    head: &Parts,
    now: DateTime<Utc>,
) -> Result<Option<Arc<Caller>>, Refusal> {
    let (identity, is_required) = (&exchange.snapshot.identity, route.auth == Auth::Required);
    match kept(exchange, head) {
        None if route.takes_keys => identity.authenticate_with_keys(&head.headers, now).await.map_err(refuse),
        None => identity.authenticate(&head.headers, now).await.map_err(refuse),
        // A browser sends its cookies whether they are still good or not, to routes too that would renew them.
        Some(_) if is_foreign(head) && is_required => Err(cross_site().into()),
        Some(_) if is_foreign(head) => Ok(None),
        Some(headers) if !is_required => Ok(identity.authenticate(&headers, now).await.unwrap_or(None)),
        Some(headers) => identity.authenticate(&headers, now).await.map_err(refuse),
    }
}

/// The token that a browser keeps, as if it were sent as others are; only where cookies are looked at, and there is no
/// other token.
fn kept(exchange: &Exchange, head: &Parts) -> Option<HeaderMap> {
    exchange.snapshot.settings.auth.cookie.as_ref()?;
    if head.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let token = cookie(&head.headers, ACCESS_COOKIE).filter(|token| !token.is_empty())?;
    let line = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    Some(HeaderMap::from_iter([(AUTHORIZATION, line)]))
}

/// Whether a page of somebody else may have made a browser send this.
fn is_foreign(head: &Parts) -> bool {
    may_change(head) && !is_same_origin(head)
}

fn cross_site() -> Problem {
    let detail = "a page of another origin cannot use these cookies: see `Origin` and `Sec-Fetch-Site`";
    Problem::new(Kind::Forbidden, detail).with_code("cross_site")
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

/// The token is not at fault, so this is no 401.
fn stale() -> Refusal {
    let detail = "what was taken back lately cannot be known now; try again later";
    Problem::new(Kind::Unavailable, detail).with_code("revocations_stale").into()
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
        Reason::NoDatabase => {
            return Problem::new(Kind::Unavailable, denial.detail).with_code("keys_unavailable").into();
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
