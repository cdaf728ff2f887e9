//! `GET me`, `GET permissions`, `POST validate`: who a caller is, what they may, and what a token of others is worth.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::desk::{Answer, Desk, refuse};
use crate::identity::{Caller, Entry, Reach};
use crate::rest::asked::moment;
use crate::rest::document::Document;
use crate::rest::envelope::Success;

/// The longest token that is asked about, in bytes: tokens are smaller.
const TOKEN: usize = 8 << 10;

pub(super) async fn me(desk: Desk) -> Result<Response, Answer> {
    let caller = desk.caller()?;
    let account = desk.sessions.account(caller, &desk.visit).await?;
    let user = account.user.map(|user| {
        json!({ "email": user.email, "name": user.name, "status": user.status.as_str(), "roles": user.roles,
                "created_at": moment(user.created_at) })
    });
    let tenant = account.tenant.map(|tenant| {
        json!({ "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status.as_str() })
    });
    let document = json!({
        "id": &*caller.subject,
        "user": user,
        "tenant": tenant.unwrap_or_else(|| json!({ "id": caller.tenant })),
        "token": {
            "roles": &*caller.roles, "session_id": caller.session, "issued_at": moment(caller.issued),
            "expires_at": moment(caller.expires),
        },
    });
    Ok(Success::new(document).into_response())
}

#[derive(Debug, Serialize)]
pub(super) struct Permissions {
    roles: Vec<Box<str>>,
    permissions: Vec<Value>,
}

pub(super) async fn permissions(desk: Desk) -> Result<Success<Permissions>, Answer> {
    let caller = desk.caller()?;
    let permissions = caller.rights.overview().iter().map(entry).collect();
    Ok(Success::new(Permissions { roles: caller.roles.to_vec(), permissions }))
}

fn entry(entry: &Entry) -> Value {
    let reach = match entry.reach {
        Reach::All => "all",
        Reach::Own => "own",
        Reach::Nothing => "none",
    };
    json!({ "permission": entry.permission, "reach": reach, "because": entry.decision.to_string() })
}

/// Answers as RFC 7662 section 2.2 has it, without the envelope of other answers.
pub(super) async fn validate(desk: Desk, mut document: Document) -> Result<Json<Value>, Answer> {
    let caller = desk.caller()?;
    let (token, _) = (document.text("token", TOKEN), document.optional_text("token_type_hint", TOKEN));
    document.finish()?;
    let answer = desk.sessions.validate(caller, (&desk.terms, &desk.visit), &token, desk.now).await;
    let shown = answer.map_err(|refused| refuse(refused, ("token_invalid", "the token is not good")))?;
    Ok(Json(shown.map_or_else(|| json!({ "active": false }), |caller| introspection(&caller))))
}

fn introspection(caller: &Caller) -> Value {
    let mut document = json!({
        "active": true, "sub": &*caller.subject, "tenant": caller.tenant, "roles": &*caller.roles,
        "token_type": "Bearer", "iat": caller.issued.timestamp(), "exp": caller.expires.timestamp(),
    });
    let optional =
        [("sid", caller.session.map(|id| id.to_string())), ("jti", caller.token.map(|id| id.to_string()))];
    if let Value::Object(members) = &mut document {
        let known = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        members.extend(known);
    }
    document
}
