//! `POST /introspect` (RFC 7662): is this token good, and whose is it? For services only.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Service;
use crate::secrets::Digest;
use crate::support::clock::Moment;
use crate::support::extract::Document;
use crate::support::problem::Problem;
use crate::tokens::{self, Grant};

#[derive(Deserialize)]
struct Question {
    token: String,
}

pub(super) async fn introspect(
    State(service): State<Service>,
    request: Request,
) -> Result<Response, Problem> {
    let token = Digest::of(&question(request).await?.token);
    let found = service.database.write(move |transaction| tokens::look_up(transaction, token, Moment::now()));
    let answer = found.await?.map_or_else(|| json!({ "active": false }), |grant| described(&grant));
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The standard asks for a form; JSON is taken too.
async fn question(request: Request) -> Result<Question, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let Document(question) = Document::from_request(request, &()).await?;
        return Ok(question);
    }
    let Form(question) = request.extract().await.map_err(|rejection: FormRejection| {
        Problem::new(rejection.status(), "invalid_body", rejection.body_text())
    })?;
    Ok(question)
}

fn described(grant: &Grant) -> Value {
    let account = &grant.account;
    json!({
        "active": true,
        "token_type": "Bearer",
        "sub": account.user_id,
        "username": account.email,
        "tenant": account.tenant,
        "email": account.email,
        "name": account.name,
        "roles": account.roles,
        "iat": grant.issued_at.0 / 1000,
        "exp": grant.expires_at.0 / 1000,
    })
}
