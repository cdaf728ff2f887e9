//! Users of a tenant and their roles. Those that were deleted are kept for what refers to them, and not seen.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{NewUser, Page, User, UserChange, UserId, UserSort, UserStatus, Window};

/// The users of the tenant of a transaction.
#[derive(Debug)]
pub struct Users<'w>(&'w Work);

impl Work {
    /// The users of the tenant of a transaction.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    const INSERT: &'static str = "INSERT INTO users (tenant_id, id, email, name) VALUES ($1, $2, $3, $4)
    RETURNING id, email, name, status, '{}'::text[] AS roles, version, created_at, updated_at";

    /// A new user.
    ///
    /// # Errors
    /// Another user has the address, or it is none.
    pub async fn create(&self, new: &NewUser) -> Result<User> {
        let (tenant, id) = (self.0.tenant()?.uuid(), new.id.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&new.email, Type::TEXT),
            param(&new.name, Type::TEXT),
        ];
        one(self.0.find(Self::INSERT, &values).await?)
    }

    const GET: &'static str = "SELECT id, email, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles
    FROM users WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

    /// The user of this id.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, user: UserId) -> Result<User> {
        let tenant = self.0.tenant()?.uuid();
        one(self.0.find(Self::GET, &[param(&tenant, Type::UUID), param(&user.uuid(), Type::UUID)]).await?)
    }

    const FIND: &'static str = "SELECT id, email, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles
    FROM users WHERE tenant_id = $1 AND email_key = lower($2) AND deleted_at IS NULL";

    /// The user of this address, whatever the case of its letters, if there is one.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, email: &str) -> Result<Option<User>> {
        let tenant = self.0.tenant()?.uuid();
        let found = self.0.find(Self::FIND, &[param(&tenant, Type::UUID), param(&email, Type::TEXT)]).await?;
        found.as_ref().map(user).transpose()
    }

    const LIST: &'static str = "SELECT id, email, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles
    FROM users WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the users.
    ///
    /// # Errors
    /// The place is of a list sorted by something else.
    pub async fn list(&self, window: &Window<UserSort>) -> Result<Page<User>> {
        let tenant = self.0.tenant()?.uuid();
        let column = match window.sort {
            UserSort::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
            UserSort::Name => ("name", Type::TEXT),
            UserSort::Email => ("email_key", Type::TEXT),
        };
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        select.page(self.0, window, column, user).await
    }

    const UPDATE: &'static str = "UPDATE users SET email = coalesce($4, email), name = coalesce($5, name),
    status = coalesce($6, status), version = version + 1, updated_at = now()
    WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL
    RETURNING id, email, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles";

    /// Changes a user who is still as the caller saw them.
    ///
    /// # Errors
    /// There is none; they were changed meanwhile; another user has the address.
    pub async fn update(&self, id: UserId, version: i64, change: &UserChange) -> Result<User> {
        let (tenant, status) = (self.0.tenant()?.uuid(), change.status.map(UserStatus::as_str));
        let user_id = id.uuid();
        let values = [
            param(&tenant, Type::UUID),
            param(&user_id, Type::UUID),
            param(&version, Type::INT8),
            param(&change.email, Type::TEXT),
            param(&change.name, Type::TEXT),
            param(&status, Type::TEXT),
        ];
        match self.0.find(Self::UPDATE, &values).await? {
            Some(row) => user(&row),
            None => Err(self.why_unchanged(id).await?),
        }
    }

    const DELETE: &'static str =
        "UPDATE users SET deleted_at = now(), version = version + 1, updated_at = now()
    WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL RETURNING id";

    /// Deletes a user who is still as the caller saw them. Their orders keep their id.
    ///
    /// # Errors
    /// There is none; they were changed meanwhile.
    pub async fn delete(&self, id: UserId, version: i64) -> Result<()> {
        let tenant = self.0.tenant()?.uuid();
        let user_id = id.uuid();
        let values = [param(&tenant, Type::UUID), param(&user_id, Type::UUID), param(&version, Type::INT8)];
        match self.0.find(Self::DELETE, &values).await? {
            Some(_) => Ok(()),
            None => Err(self.why_unchanged(id).await?),
        }
    }

    const GRANT: &'static str = "INSERT INTO grants (tenant_id, user_id, role, granted_by)
        SELECT tenant_id, id, $3, $4 FROM users WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
    ON CONFLICT (tenant_id, user_id, role, resource) DO NOTHING RETURNING role";

    /// Gives a role for all of the tenant, and says whether they did not have it.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn grant(&self, user: UserId, role: &str, granted_by: &str) -> Result<bool> {
        let (tenant, id) = (self.0.tenant()?.uuid(), user.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&role, Type::TEXT),
            param(&granted_by, Type::TEXT),
        ];
        let is_new = self.0.find(Self::GRANT, &values).await?.is_some();
        if !is_new {
            // They had it, unless there is nobody to have it.
            self.get(user).await?;
        }
        Ok(is_new)
    }

    const TAKE: &'static str =
        "DELETE FROM grants WHERE tenant_id = $1 AND user_id = $2 AND role = $3 AND resource = ''
    RETURNING role";

    /// Takes a role away, and says whether they had it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn take(&self, user: UserId, role: &str) -> Result<bool> {
        let (tenant, user) = (self.0.tenant()?.uuid(), user.uuid());
        let values = [param(&tenant, Type::UUID), param(&user, Type::UUID), param(&role, Type::TEXT)];
        Ok(self.0.find(Self::TAKE, &values).await?.is_some())
    }

    /// Nothing was changed: they are not there, or not as they were.
    async fn why_unchanged(&self, user: UserId) -> Result<Error> {
        let current = self.get(user).await?;
        let message = format!("the user was changed meanwhile: their version is {} now", current.version);
        Ok(Error::new(Kind::Conflict, message).about("version"))
    }
}

fn one(found: Option<Row>) -> Result<User> {
    let row = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such user"))?;
    user(&row)
}

fn user(found: &Row) -> Result<User> {
    Ok(User {
        id: UserId::from(row::get::<Uuid>(found, "id")?),
        email: row::get(found, "email")?,
        name: row::get(found, "name")?,
        status: row::word(found, "status", UserStatus::from_word)?,
        roles: row::get(found, "roles")?,
        version: row::get(found, "version")?,
        created_at: row::get(found, "created_at")?,
        updated_at: row::get(found, "updated_at")?,
    })
}
