//! `GET /userinfo`: who the bearer of a token is.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::bearer;
use crate::support::clock::Moment;
use crate::support::problem::Problem;
use crate::{Service, tokens};

pub(super) async fn userinfo(
    State(service): State<Service>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(token) = bearer::token(&headers) else {
        return Ok(bearer::refusal("a bearer token is needed"));
    };
    let found = service.database.write(move |transaction| tokens::look_up(transaction, token, Moment::now()));
    Ok(match found.await? {
        Some(grant) => Json(grant.account).into_response(),
        None => bearer::refusal("the token is unknown or expired"),
    })
}
