//! `/credentials/{user}`: create, change and remove accounts. For services only.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{self, Account, Kept, Role};
use crate::passwords::Password;
use crate::support::extract::{Document, Segments};
use crate::support::problem::Problem;
use crate::{Service, tokens};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    tenant: String,
    email: String,
    name: String,
    roles: Vec<Role>,
    /// May be left out for a user who has one.
    password: Option<Password>,
}

/// `PUT`: 201 when the user is new, 200 when changed. A new password ends the user's tokens.
pub(super) async fn keep(
    State(service): State<Service>,
    Segments(user_id): Segments<Uuid>,
    Document(body): Document<Body>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    body.check()?;
    let hash = match body.password.clone() {
        Some(password) => Some(service.passwords.hash(password).await?),
        None => None,
    };
    let account = body.account(user_id);
    let done = service.database.write(move |transaction| {
        let kept = accounts::keep(transaction, &account, hash.as_deref())?;
        if hash.is_some() {
            tokens::revoke_all(transaction, user_id)?;
        }
        Ok((kept, account))
    });
    let (kept, account) = done.await?;
    let status = match kept {
        Kept::Created => StatusCode::CREATED,
        Kept::Updated => StatusCode::OK,
    };
    Ok((status, Json(account)))
}

/// `DELETE`: the user can no longer log in and their tokens end.
pub(super) async fn remove(
    State(service): State<Service>,
    Segments(user_id): Segments<Uuid>,
) -> Result<StatusCode, Problem> {
    service.database.write(move |transaction| accounts::remove(transaction, user_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Body {
    fn check(&self) -> Result<(), Problem> {
        if self.tenant.is_empty() || self.name.is_empty() {
            return Err(Problem::invalid("tenant and name must not be empty"));
        }
        if !self.email.contains('@') {
            return Err(Problem::invalid("email is not an email address"));
        }
        if self.roles.is_empty() {
            return Err(Problem::invalid("a user needs a role"));
        }
        self.password.as_ref().map_or(Ok(()), Password::check)
    }

    fn account(self, user_id: Uuid) -> Account {
        Account {
            user_id,
            tenant: self.tenant,
            email: self.email.to_lowercase(),
            name: self.name,
            roles: self.roles,
        }
    }
}
