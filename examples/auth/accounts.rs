//! Accounts: who may log in to which tenant, with which roles, and the hash of their password.

use axum::http::StatusCode;
use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::problem::Problem;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS accounts (
        user_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        email TEXT NOT NULL,
        name TEXT NOT NULL,
        roles TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        UNIQUE (tenant, email)
    ) STRICT;
";

/// A user of one tenant, as shown to services. Emails are kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Account {
    pub(crate) user_id: Uuid,
    pub(crate) tenant: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    PlatformAdmin,
    TenantAdmin,
    Manager,
    Member,
    Viewer,
    Service,
}

/// Whether an account was new.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Created,
    Updated,
}

const BY_EMAIL: &str = "SELECT user_id, tenant, email, name, roles, password_hash FROM accounts
    WHERE tenant = :tenant AND email = :email";

/// The account with its password hash.
pub(crate) fn by_email(
    transaction: &Transaction<'_>,
    tenant: &str,
    email: &str,
) -> Result<Option<(Account, String)>, Problem> {
    let mut statement = transaction.prepare_cached(BY_EMAIL)?;
    let parameters = named_params! { ":tenant": tenant, ":email": email.to_lowercase() };
    let found = statement.query_row(parameters, |row| Ok((account(row)?, row.get("password_hash")?)));
    Ok(found.optional()?)
}

const BY_ID: &str = "SELECT user_id, tenant, email, name, roles FROM accounts WHERE user_id = :user_id";

pub(crate) fn by_id(transaction: &Transaction<'_>, user_id: Uuid) -> Result<Option<Account>, Problem> {
    let mut statement = transaction.prepare_cached(BY_ID)?;
    let parameters = named_params! { ":user_id": user_id.to_string() };
    Ok(statement.query_row(parameters, account).optional()?)
}

const TAKEN: &str = "SELECT count(*) FROM accounts
    WHERE tenant = :tenant AND email = :email AND user_id <> :user_id";
const INSERT: &str = "INSERT INTO accounts (user_id, tenant, email, name, roles, password_hash)
    VALUES (:user_id, :tenant, :email, :name, :roles, :password_hash)";
const UPDATE: &str = "UPDATE accounts SET tenant = :tenant, email = :email, name = :name, roles = :roles,
    password_hash = coalesce(:password_hash, password_hash) WHERE user_id = :user_id";

/// Creates or changes an account. Only an existing one may go without a hash, and then keeps its own.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    account: &Account,
    password_hash: Option<&str>,
) -> Result<Kept, Problem> {
    let user_id = account.user_id.to_string();
    let email = account.email.to_lowercase();
    let whose = named_params! { ":tenant": account.tenant, ":email": email, ":user_id": user_id };
    let taken: u32 = transaction.prepare_cached(TAKEN)?.query_row(whose, |row| row.get(0))?;
    if taken > 0 {
        let detail = "another user of the tenant has this email";
        return Err(Problem::new(StatusCode::CONFLICT, "email_taken", detail));
    }
    let is_new = by_id(transaction, account.user_id)?.is_none();
    if is_new && password_hash.is_none() {
        return Err(Problem::invalid("a new user needs a password"));
    }
    transaction.prepare_cached(if is_new { INSERT } else { UPDATE })?.execute(named_params! {
        ":user_id": user_id,
        ":tenant": account.tenant,
        ":email": email,
        ":name": account.name,
        ":roles": serde_json::to_string(&account.roles)?,
        ":password_hash": password_hash,
    })?;
    Ok(if is_new { Kept::Created } else { Kept::Updated })
}

const DELETE: &str = "DELETE FROM accounts WHERE user_id = ?1";

/// Removes an account, and with it its tokens. Removing what is not there changes nothing.
pub(crate) fn remove(transaction: &Transaction<'_>, user_id: Uuid) -> Result<(), Problem> {
    transaction.prepare_cached(DELETE)?.execute([user_id.to_string()])?;
    Ok(())
}

const COUNT: &str = "SELECT count(*) FROM accounts";

pub(crate) fn is_empty(transaction: &Transaction<'_>) -> Result<bool, Problem> {
    let count: u32 = transaction.query_row(COUNT, [], |row| row.get(0))?;
    Ok(count == 0)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let user_id: String = row.get("user_id")?;
    let roles: String = row.get("roles")?;
    Ok(Account {
        user_id: Uuid::parse_str(&user_id).map_err(unreadable)?,
        tenant: row.get("tenant")?,
        email: row.get("email")?,
        name: row.get("name")?,
        roles: serde_json::from_str(&roles).map_err(unreadable)?,
    })
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}
