//! `POST /login`: a password for a token. A refusal never tells which part was wrong, nor does its time.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::accounts::{self, Account};
use crate::passwords::Password;
use crate::support::clock::Moment;
use crate::support::extract::Document;
use crate::support::problem::Problem;
use crate::{Service, tokens};

#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    tenant: String,
    email: String,
    password: Password,
}

#[derive(Serialize)]
pub(super) struct Welcome {
    #[serde(flatten)]
    account: Account,
    token: String,
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
}

pub(super) async fn login(
    State(service): State<Service>,
    Document(Attempt { tenant, email, password }): Document<Attempt>,
) -> Result<Json<Welcome>, Problem> {
    let found = service.database.write(move |transaction| accounts::by_email(transaction, &tenant, &email));
    let (account, stored) = found.await?.unzip();
    // Too short or too long is wrong like any other, but must not be hashed.
    let is_right = password.check().is_ok() && service.passwords.verify(password, stored).await?;
    let account = account.filter(|_| is_right).ok_or_else(refused)?;

    let token = issue(&service, account.user_id).await?;
    tracing::info!(user_id = %account.user_id, tenant = account.tenant, "logged in");
    let expires_in = service.token_ttl.as_secs();
    Ok(Json(Welcome { account, token, token_type: "Bearer", expires_in }))
}

async fn issue(service: &Service, user_id: Uuid) -> Result<String, Problem> {
    let now = Moment::now();
    let expires_at = now.after(service.token_ttl);
    service.database.write(move |transaction| tokens::issue(transaction, user_id, now, expires_at)).await
}

fn refused() -> Problem {
    let detail = "tenant, email and password do not belong together";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
}
