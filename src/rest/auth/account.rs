//! `GET me`, `GET permissions`, `POST validate`: who a caller is, what they may, and what a token of others is worth.

use axum::Json;
use utoipa::ToSchema;

use super::desk::{Answer, Desk, refuse};
use super::shown::{Introspection, Me, Permissions};
use crate::rest::document::Document;
use crate::rest::envelope::Success;

/// The longest token that is asked about, in bytes: tokens are smaller.
const TOKEN: usize = 8 << 10;

/// Show who one is
#[utoipa::path(
    get, path = "/api/v1/auth/me", tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "The caller.", body = Success<Me>)),
)]
pub(super) async fn me(desk: Desk) -> Result<Success<Me>, Answer> {
    let caller = desk.caller()?;
    let account = desk.sessions.account(caller, &desk.visit).await?;
    Ok(Success::new(Me::of(caller, account)))
}

/// Show what one may do, and why
#[utoipa::path(
    get, path = "/api/v1/auth/permissions", tag = "sessions", operation_id = "getPermissions",
    responses((status = 200, description = "Every permission of the policy.", body = Success<Permissions>)),
)]
pub(super) async fn permissions(desk: Desk) -> Result<Success<Permissions>, Answer> {
    Ok(Success::new(Permissions::of(desk.caller()?)))
}

/// A token of somebody.
#[derive(Debug, ToSchema)]
#[schema(as = TokenToValidate)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[schema(min_length = 1, max_length = 8192, examples("eyJhbGciOiJFZERTQSJ9.e30.c2ln"))]
    token: String,
    /// What it is thought to be; not looked at.
    #[schema(min_length = 1, max_length = 8192, nullable = false, examples("access_token"))]
    #[expect(dead_code, reason = "clients of RFC 7662 may send it")]
    token_type_hint: Option<String>,
}

impl Asked {
    fn take(document: &mut Document) -> Self {
        Self {
            token: document.text("token", TOKEN),
            token_type_hint: document.optional_text("token_type_hint", TOKEN),
        }
    }
}

/// Ask what a token is worth
///
/// The answer is that of RFC 7662 section 2.2, without the envelope of other answers.
#[utoipa::path(
    post, path = "/api/v1/auth/validate", tag = "sessions", operation_id = "validateToken",
    request_body = Asked,
    responses((status = 200, description = "What it says, if it is good.", body = Introspection)),
)]
pub(super) async fn validate(desk: Desk, mut document: Document) -> Result<Json<Introspection>, Answer> {
    let caller = desk.caller()?;
    let Asked { token, token_type_hint: _ } = Asked::take(&mut document);
    document.finish()?;
    let answer = desk.sessions.validate(caller, (&desk.terms, &desk.visit), &token, desk.now).await;
    let shown = answer.map_err(|refused| refuse(refused, ("token_invalid", "the token is not good")))?;
    Ok(Json(shown.map_or_else(Introspection::default, |caller| Introspection::of(&caller))))
}
