//! The service that keeps credentials: logins, introspection and the accounts it knows. What it answers is believed
//! only as far as it was asked.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, bad};
use super::backend::{Backend, Request};
use super::errand::Errand;
use crate::config::Secret;
use crate::error::{Error, Kind, Result};
use crate::model::UserId;
use crate::upstream::Pool;

/// The auth service behind a pool.
#[derive(Debug, Clone)]
pub struct Auth {
    backend: Backend,
    token: Secret,
}

/// What a user says to log in.
#[derive(Debug, Clone, Copy)]
pub struct Login<'l> {
    /// The tenant, by the name people know.
    pub tenant: &'l str,
    /// Their address.
    pub email: &'l str,
    /// Their password.
    pub password: &'l Secret,
}

/// A user as the service knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Their id.
    pub user_id: UserId,
    /// Their tenant, by the name people know.
    pub tenant: String,
    /// Their address, in lower case.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The names of their roles. At least one.
    pub roles: Vec<Box<str>>,
}

/// What a token of the service is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// It is good, for this user and until then, in seconds since 1970.
    Active {
        /// Whose it is.
        account: Account,
        /// When it ends.
        expires: i64,
    },
    /// It is unknown, or its time is over.
    Inactive,
}

/// What became of an account that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is new.
    Created,
    /// It was there.
    Updated,
}

impl Auth {
    /// The service behind a pool, with the token by which it knows the gateway.
    pub fn new(backend: Backend, token: Secret) -> Self {
        Self { backend, token }
    }

    /// The same for the pool as a reload left it, and the token it knows the gateway by now.
    ///
    /// # Errors
    /// Those of [`Backend::new`].
    pub fn renewed(&self, pool: &Arc<Pool>, token: Secret) -> Result<Self> {
        Ok(Self { backend: self.backend.renewed(pool)?, token })
    }

    /// Whose credentials these are; `None` if they are nobody's. The token says that it is the gateway who tells the
    /// client's address. Never sent twice once a backend may have seen it: a
    /// login leaves traces, such as counts of wrong passwords.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn login(&self, errand: &Errand<'_>, login: Login<'_>) -> Result<Option<Account>> {
        let Login { tenant, email, password } = login;
        let document = serde_json::json!({ "tenant": tenant, "email": email, "password": password.expose() });
        let request = Request::new(Method::POST, "/login").with_json(&document)?;
        let read = |answer: &Answer| match answer.status {
            200 => account(answer.json()?, Some(tenant)).map(Some),
            401 => Ok(None),
            400 | 422 => Err(Error::new(Kind::Invalid, "these are no credentials")),
            // 401 is about the credentials, 403 about the token.
            403 => Err(refusal(answer)),
            _ => Err(answer.unexpected()),
        };
        self.backend.ask(errand, request.with_token(&self.token)?, read).await
    }

    /// What a token that the service gave is worth.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn introspect(&self, errand: &Errand<'_>, token: &Secret) -> Result<Introspection> {
        let document = serde_json::json!({ "token": token.expose() });
        let request = Request::new(Method::POST, "/introspect").with_json(&document)?.repeatable();
        let read = |answer: &Answer| match answer.status {
            200 => introspection(answer.json()?),
            _ => Err(refusal(answer)),
        };
        self.backend.ask(errand, request.with_token(&self.token)?, read).await
    }

    /// Creates or changes an account. Without a password it keeps the one it has.
    ///
    /// # Errors
    /// `Conflict` where another account of the tenant has the address, `Invalid` where the service refuses the
    /// account, and those of [`Backend::ask`].
    pub async fn keep(
        &self,
        errand: &Errand<'_>,
        account: &Account,
        password: Option<&Secret>,
    ) -> Result<Kept> {
        let Account { user_id, tenant, email, name, roles } = account;
        let document = serde_json::json!({
            "tenant": tenant, "email": email, "name": name, "roles": roles,
            "password": password.map(Secret::expose),
        });
        let request = Request::new(Method::PUT, format!("/credentials/{user_id}")).with_json(&document)?;
        let read = |answer: &Answer| match answer.status {
            201 => Ok(Kept::Created),
            200 => Ok(Kept::Updated),
            409 => Err(Error::new(Kind::Conflict, "another account has this address")),
            400 | 422 => Err(Error::new(Kind::Invalid, "the account is not acceptable as it is")),
            _ => Err(refusal(answer)),
        };
        self.backend.ask(errand, request.with_token(&self.token)?, read).await
    }

    /// Takes an account away, and ends what it was logged in to. One that is not there is as good as taken away.
    ///
    /// # Errors
    /// Those of [`Backend::ask`].
    pub async fn remove(&self, errand: &Errand<'_>, user: UserId) -> Result<()> {
        let request = Request::new(Method::DELETE, format!("/credentials/{user}"));
        let read = |answer: &Answer| match answer.status {
            204 | 404 => Ok(()),
            _ => Err(refusal(answer)),
        };
        self.backend.ask(errand, request.with_token(&self.token)?, read).await
    }
}

/// A status that nothing was agreed on for. That the service does not know our token is a fault of ours.
fn refusal(answer: &Answer) -> Error {
    match answer.status {
        401 | 403 => Error::internal("call the auth service: it does not take the gateway's service token"),
        _ => answer.unexpected(),
    }
}

/// An account that may be believed: complete, and of the tenant that was asked about.
fn account(account: Account, asked: Option<&str>) -> Result<Account> {
    let is_word = |text: &str| !text.is_empty() && text.len() <= 256;
    let is_whole = is_word(&account.tenant) && is_word(&account.email) && !account.roles.is_empty();
    match is_whole && account.roles.iter().all(|role| is_word(role)) {
        true if asked.is_none_or(|asked| asked == account.tenant) => Ok(account),
        true => Err(bad("the auth service answered with an account of another tenant")),
        false => Err(bad("the auth service answered with an account that is not whole")),
    }
}

/// RFC 7662 section 2.2.
#[derive(Deserialize)]
struct Document {
    active: bool,
    sub: Option<UserId>,
    tenant: Option<String>,
    email: Option<String>,
    name: Option<String>,
    roles: Option<Vec<Box<str>>>,
    exp: Option<i64>,
}

fn introspection(document: Document) -> Result<Introspection> {
    let Document { active, sub, tenant, email, name, roles, exp } = document;
    if !active {
        return Ok(Introspection::Inactive);
    }
    let whole = || {
        let account = Account { user_id: sub?, tenant: tenant?, email: email?, name: name?, roles: roles? };
        Some((account, exp?))
    };
    let (found, expires) =
        whole().ok_or_else(|| bad("the auth service left out whose an active token is"))?;
    Ok(Introspection::Active { account: account(found, None)?, expires })
}
