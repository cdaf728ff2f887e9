//! Admission: the steps between a request's head and whoever answers it, always in this order.
//! Each step answers or passes on: id, trace and client address; number of headers; CORS preflight; route; limits by
//! address; the caller; limits by caller; authorisation; body limit.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};

use super::authenticate;
use super::authorise::{authorise, refuse};
use super::cors;
use super::exchange::Exchange;
use super::limits::{self, Gate, Stage};
use super::route::{Route, Target};
use super::router::{Outcome, Request};
use super::snapshot::Snapshot;
use crate::config::Local;
use crate::error::Kind;
use crate::http::{Connection, Problem, Refusal, normalise};
use crate::upstream::Pool;

/// The methods that some resource may have, for who asks about none in particular.
const USUAL: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

/// Who answers a request.
#[derive(Debug)]
pub enum Admission {
    /// Admission itself: here is the answer.
    Answer(Response<Bytes>),
    /// A backend of this pool.
    Proxy(Arc<Pool>),
    /// A part of the gateway.
    Local(Local),
}

pub(super) async fn admit(
    snapshot: Arc<Snapshot>,
    gate: Gate<'_>,
    head: &Parts,
    connection: Connection,
) -> (Exchange, Admission) {
    let mut exchange = Exchange::new(snapshot, head, connection);
    let span = exchange.span.step("admit");
    let admission = match span.run(steps(&mut exchange, gate, head)).await {
        Ok(admission) => admission,
        Err(refusal) => Admission::Answer(answer(refusal, &exchange, head)),
    };
    (exchange, admission)
}

fn answer(refusal: Refusal, exchange: &Exchange, head: &Parts) -> Response<Bytes> {
    let mut answer = exchange.problem(head.uri.path(), refusal.problem);
    answer.headers_mut().extend(refusal.header);
    answer
}

impl From<(Problem, u64)> for Refusal {
    /// With the seconds after which the request may come again.
    fn from((problem, seconds): (Problem, u64)) -> Self {
        Self { problem, header: Some(limits::retry_after(seconds)) }
    }
}

async fn steps(exchange: &mut Exchange, gate: Gate<'_>, head: &Parts) -> Result<Admission, Refusal> {
    check_headers(exchange, head)?;
    check_host(head)?;
    if asks_about_the_server(head) {
        return Ok(Admission::Answer(options(exchange, HeaderValue::from_static(USUAL))));
    }
    let path = match normalise(head.uri.path()) {
        Ok(path) => path,
        Err(error) => {
            return Err(Problem::new(Kind::Invalid, error.to_string()).with_code("invalid_path").into());
        }
    };
    if let Some(answer) = preflight(exchange, head, &path) {
        return Ok(Admission::Answer(answer));
    }
    let snapshot = exchange.snapshot.clone();
    let route = match snapshot.router.route(&request(head, &path, &head.method)) {
        Outcome::Found(found) => found.target,
        Outcome::Options { allow, route } => {
            exchange.route = Some(route.target.clone());
            return Ok(Admission::Answer(options(exchange, allow)));
        }
        Outcome::MethodNotAllowed { allow, route } => {
            exchange.route = Some(route.target.clone());
            let detail = format!("{} is not served at {path}", head.method);
            return Err(Refusal {
                problem: Problem::new(Kind::MethodNotAllowed, detail),
                header: Some((header::ALLOW, allow)),
            });
        }
        Outcome::NotFound => {
            let detail = format!("nothing is served at {path}");
            return Err(Problem::new(Kind::NotFound, detail).with_code("route_not_found").into());
        }
    };
    exchange.route = Some(route.clone());
    limits::check(gate, exchange, head, (Stage::Arrival, None)).await?;
    authenticate::authenticate(exchange, route, head).await?;
    let caller = exchange.caller.clone();
    limits::check(gate, exchange, head, (Stage::Known, caller.as_deref())).await?;
    authorise(route.demand.as_ref(), caller.as_deref()).map_err(refuse)?;
    check_body(route, head)?;
    exchange.target = route.rewrite.target(&head.uri, &path)?;
    Ok(match &route.target {
        Target::Proxy(split) => {
            let pool = split.choose(caller.as_deref(), &exchange.client, &head.headers, || fastrand::u64(..));
            exchange.upstream = Some(pool.name.clone());
            Admission::Proxy(pool.clone())
        }
        Target::Local(local) => Admission::Local(*local),
    })
}

pub(super) fn request<'a>(head: &'a Parts, path: &'a str, method: &'a Method) -> Request<'a> {
    let host = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    Request { host, path, method, headers: &head.headers }
}

/// Answers a CORS preflight where the route of the actual request has a policy; else it goes the usual way.
fn preflight(exchange: &mut Exchange, head: &Parts, path: &str) -> Option<Response<Bytes>> {
    let method = cors::preflight_for(&head.method, &head.headers)?;
    let snapshot = exchange.snapshot.clone();
    let Outcome::Found(found) = snapshot.router.route(&request(head, path, &method)) else { return None };
    let policy = found.target.cors.as_ref()?;
    exchange.route = Some(found.target.clone());
    let mut answer = no_content();
    policy.preflight(exchange.origin.as_ref(), answer.headers_mut());
    exchange.put_common(answer.headers_mut());
    Some(answer)
}

/// Whether a request is `OPTIONS *`, which asks about no resource (RFC 9110 section 9.3.7).
fn asks_about_the_server(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.uri.path() == "*"
}

/// Answers a plain OPTIONS that no route asked to see.
fn options(exchange: &Exchange, allow: HeaderValue) -> Response<Bytes> {
    let mut answer = no_content();
    answer.headers_mut().insert(header::ALLOW, allow);
    exchange.finish(answer.status(), answer.headers_mut());
    answer
}

fn no_content() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// Refuses a head with more headers than `server.limits` allows: each costs every reader behind us.
fn check_headers(exchange: &Exchange, head: &Parts) -> Result<(), Problem> {
    let most = exchange.snapshot.settings.server.limits.headers;
    let refusal = || Problem::new(Kind::HeadTooLarge, format!("more than the {most} headers taken here"));
    if head.headers.len() <= most as usize { Ok(()) } else { Err(refusal()) }
}

/// Refuses what RFC 9112 section 3.2 says to: routes and backends must not read the host differently.
fn check_host(head: &Parts) -> Result<(), Problem> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let is_valid = match (hosts.next(), hosts.next()) {
        (Some(host), None) => !host.is_empty() && host.as_bytes().iter().all(|&byte| may_stand_in_host(byte)),
        (None, _) => head.version != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    let refusal =
        || Problem::new(Kind::Invalid, "a request names exactly one host").with_code("invalid_host");
    if is_valid { Ok(()) } else { Err(refusal()) }
}

fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\' | b'?' | b'#' | b'@' | b'"' | b'<' | b'>')
}

/// Refuses a body that says it is too large, or how large it is in a way that others may read differently (RFC 9110
/// section 8.6): `4, 4`, or two lines of it. One that does not say is counted while it is read.
fn check_body(route: &Route, head: &Parts) -> Result<(), Problem> {
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(length), rest) = (lengths.next(), lengths.next()) else { return Ok(()) };
    let is_plain = rest.is_none() && length.as_bytes().iter().all(u8::is_ascii_digit);
    if !is_plain {
        return Err(Problem::new(Kind::Invalid, "a request says exactly once how long its body is"));
    }
    match length.to_str().ok().and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > route.max_body => Err(too_large(route.max_body)),
        _ => Ok(()),
    }
}

/// The problem of a body over the route's limit.
pub(super) fn too_large(limit: u64) -> Problem {
    Problem::new(Kind::TooLarge, format!("the request's body is larger than the {limit} bytes taken here"))
}
