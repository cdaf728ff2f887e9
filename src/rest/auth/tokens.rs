//! `POST login`, `refresh` and `logout`: tokens given, given anew and taken back.

use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::cookies;
use super::desk::{Answer, Desk, refuse};
use crate::config::SameSite;
use crate::domain::{Login, Pair};
use crate::error::Kind;
use crate::http::{Problem, REFRESH_COOKIE, cookie, is_same_origin};
use crate::rest::document::Document;
use crate::rest::envelope::Success;

/// The longest that is taken of each, in bytes.
const TENANT: usize = 63;
const EMAIL: usize = 320;
const PASSWORD: usize = 1024;
const TOKEN: usize = 256;

const LOGIN_FAILED: (&str, &str) = ("login_failed", "the tenant, the address or the password is wrong");
const REFRESH_FAILED: (&str, &str) = ("refresh_failed", "the refresh token is not good: log in again");

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
struct Tokens<'p> {
    /// For calls; absent where cookies hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<&'p str>,
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    #[schema(examples(900))]
    expires_in: i64,
    /// For the next pair, once; absent where cookies hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<&'p str>,
    /// How long the refresh token is good, in seconds.
    #[schema(examples(2_592_000))]
    refresh_expires_in: i64,
    #[schema(format = "uuid")]
    session_id: String,
}

/// Who logs in.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The short name of the tenant.
    #[schema(min_length = 1, max_length = 63, examples("acme"))]
    tenant: String,
    #[schema(min_length = 1, max_length = 320, examples("viewer@acme.example"))]
    email: String,
    #[schema(min_length = 1, max_length = 1024, format = Password, examples("correct horse"))]
    password: String,
    /// Whether the tokens are to be kept in cookies, where the gateway is set up for them.
    #[schema(required = false, default = false)]
    cookie: bool,
}

impl Credentials {
    fn take(document: &mut Document) -> Self {
        Self {
            tenant: document.text("tenant", TENANT),
            email: document.text("email", EMAIL),
            password: document.text("password", PASSWORD),
            cookie: document.flag("cookie"),
        }
    }
}

/// The refresh token, where no cookie holds it.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshToken {
    #[schema(min_length = 1, max_length = 256, nullable = false, examples("olr_2mR1nTqvXk"))]
    refresh_token: Option<String>,
}

impl RefreshToken {
    fn take(document: &mut Document) -> Self {
        Self { refresh_token: document.optional_text("refresh_token", TOKEN) }
    }
}

/// Log in
///
/// The auth service checks the password. Too many attempts of an account or from an address have to wait.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "sessions", operation_id = "logIn",
    request_body = Credentials,
    responses((status = 200, description = "A new session.", body = Success<Tokens<'_>>)),
    security(()),
)]
pub(super) async fn log_in(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let Credentials { tenant, email, password, cookie } = Credentials::take(&mut document);
    document.finish()?;
    let site = if cookie { Some(cookies_of(&desk, &head)?) } else { None };
    // It was found to be there a moment ago.
    let Ok(password) = password.parse() else {
        return Err(refuse(crate::domain::Refused::Unknown, LOGIN_FAILED));
    };
    let login = Login { tenant, email, password };
    let pair = desk.sessions.log_in(&desk.terms, &desk.visit, &login, desk.now).await;
    show(&pair.map_err(|refused| refuse(refused, LOGIN_FAILED))?, site)
}

/// Renew the tokens of a session
///
/// A refresh token is good once: who shows a used one ends the session.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "sessions", operation_id = "refreshTokens",
    request_body = RefreshToken,
    responses((status = 200, description = "The next pair of the session.", body = Success<Tokens<'_>>)),
    security(()),
)]
pub(super) async fn refresh(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let sent = RefreshToken::take(&mut document).refresh_token;
    document.finish()?;
    let kept = if sent.is_none() { kept(&desk, &head) } else { None };
    let (token, site) = match (sent, kept) {
        (Some(token), _) => (token, None),
        (None, Some(token)) => (token, Some(cookies_of(&desk, &head)?)),
        (None, None) => {
            let mut document = Document::default();
            document.text("refresh_token", TOKEN);
            document.finish()?;
            return Err(refuse(crate::domain::Refused::Unknown, REFRESH_FAILED));
        }
    };
    let pair = desk.sessions.refresh(&desk.terms, &desk.visit, &token, desk.now).await;
    show(&pair.map_err(|refused| refuse(refused, REFRESH_FAILED))?, site)
}

/// Log out
///
/// Ends the session of the refresh token, or else of the access token. A browser forgets both.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "sessions", operation_id = "logOut",
    request_body(content = Option<RefreshToken>),
    responses((status = 204, description = "The session is over.")),
    security((), ("token" = []), ("cookie" = [])),
)]
pub(super) async fn log_out(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let sent = RefreshToken::take(&mut document).refresh_token;
    document.finish()?;
    let Desk { sessions, terms, visit, now, .. } = &desk;
    let kept = kept(&desk, &head).filter(|_| is_same_origin(&head));
    match (sent.or(kept), desk.known_caller()) {
        (Some(token), _) => sessions.log_out_by(&token, terms, visit, *now).await?,
        (None, Some(caller)) => sessions.log_out(caller, terms, visit, *now).await?,
        (None, None) => drop(desk.caller()?),
    }
    let forget = match terms.cookie {
        Some(same_site) => cookies::forget(same_site)?,
        None => Default::default(),
    };
    Ok((StatusCode::NO_CONTENT, forget).into_response())
}

async fn open(request: Request) -> Result<(Parts, Document), Problem> {
    let (head, body) = request.into_parts();
    let copy = head.clone();
    let document = Document::from_request(Request::from_parts(copy, body), &()).await?;
    Ok((head, document))
}

/// The refresh token that a browser keeps, where cookies are looked at.
fn kept(desk: &Desk, head: &Parts) -> Option<String> {
    let kept = cookie(&head.headers, REFRESH_COOKIE).filter(|kept| kept.len() <= TOKEN);
    kept.filter(|_| desk.terms.cookie.is_some()).map(str::to_owned)
}

/// How cookies are made for this request.
fn cookies_of(desk: &Desk, head: &Parts) -> Result<SameSite, Problem> {
    let off = || Problem::new(Kind::Invalid, "tokens are not given as cookies here").with_code("cookies_off");
    let same_site = desk.terms.cookie.ok_or_else(off)?;
    match is_same_origin(head) {
        true => Ok(same_site),
        false => {
            let detail = "cookies are for pages of this origin: see `Origin` and `Sec-Fetch-Site`";
            Err(Problem::new(Kind::Forbidden, detail).with_code("cross_site"))
        }
    }
}

/// A pair in the body, or, where cookies hold it, what scripts may know of it.
fn show(pair: &Pair, cookies: Option<SameSite>) -> Result<Response, Answer> {
    let in_body = cookies.is_none();
    let body = Success::new(Tokens {
        access_token: in_body.then_some(&pair.access),
        token_type: "Bearer",
        expires_in: pair.expires_in,
        refresh_token: in_body.then_some(pair.refresh.expose()),
        refresh_expires_in: pair.refresh_expires_in,
        session_id: pair.session.to_string(),
    });
    Ok(match cookies {
        Some(same_site) => (cookies::keep(pair, same_site)?, body).into_response(),
        None => body.into_response(),
    })
}
