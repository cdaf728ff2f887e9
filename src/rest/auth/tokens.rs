//! `POST login`, `refresh` and `logout`: tokens given, given anew and taken back.

use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

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

#[derive(Debug, Serialize)]
struct Tokens<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'p str>,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'p str>,
    refresh_expires_in: i64,
    session_id: String,
}

pub(super) async fn log_in(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let (tenant, email) = (document.text("tenant", TENANT), document.text("email", EMAIL));
    let password = document.text("password", PASSWORD);
    let wants_cookies = document.flag("cookie");
    document.finish()?;
    let site = if wants_cookies { Some(cookies_of(&desk, &head)?) } else { None };
    // It was found to be there a moment ago.
    let Ok(password) = password.parse() else {
        return Err(refuse(crate::domain::Refused::Unknown, LOGIN_FAILED));
    };
    let login = Login { tenant, email, password };
    let pair = desk.sessions.log_in(&desk.terms, &desk.visit, &login, desk.now).await;
    show(&pair.map_err(|refused| refuse(refused, LOGIN_FAILED))?, site)
}

pub(super) async fn refresh(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let sent = document.optional_text("refresh_token", TOKEN);
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

/// Ends the session of the refresh token, or else of the access token. A browser forgets both.
pub(super) async fn log_out(desk: Desk, request: Request) -> Result<Response, Answer> {
    let (head, mut document) = open(request).await?;
    let sent = document.optional_text("refresh_token", TOKEN);
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
