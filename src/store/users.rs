//! Users of a tenant and their roles. Those that were deleted are kept for what refers to them, and not seen.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::{Column, Shape, is_common};
use super::row::Cells;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Condition, Count, Expected, Listing, NewUser, Operator, Page, ScopedRole, User, UserChange, UserField,
    UserId, UserStatus, Value,
};

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
    RETURNING id, email, email_key, name, status, '{}'::text[] AS roles, version, created_at, updated_at";

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

    const GET: &'static str = "SELECT id, email, email_key, name, status, version, created_at, updated_at,
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

    const FIND: &'static str = "SELECT id, email, email_key, name, status, version, created_at, updated_at,
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

    const LIST: &'static str = "SELECT id, email, email_key, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles
    FROM users WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the users that fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub async fn list(&self, listing: &Listing<UserField>) -> Result<Page<User>> {
        let tenant = self.0.tenant()?.uuid();
        let (listing, roles) = asked(listing);
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        let select = holding(select, &tenant, &roles).fitting(&listing, column)?;
        select.listing(self.0, &listing, &Shape { column, read: user }).await
    }

    const COUNT: &'static str = "SELECT count(*) AS count FROM (SELECT FROM users
    WHERE deleted_at IS NULL AND tenant_id = ";

    /// How many users fit, wherever a page begins; exact up to so many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self, listing: &Listing<UserField>, most: u32) -> Result<Count> {
        let tenant = self.0.tenant()?.uuid();
        let (listing, roles) = asked(listing);
        let select = Select::from(Self::COUNT).with("?", [param(&tenant, Type::UUID)]);
        let select = holding(select, &tenant, &roles).fitting(&listing, column)?;
        select.count(self.0, most, roles.is_empty() && is_common(&listing)).await
    }

    const LOCK: &'static str = "SELECT id, email, email_key, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles
    FROM users WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE OF users";

    /// The user of this id, whom nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn lock(&self, id: UserId) -> Result<User> {
        let (tenant, uuid) = (self.0.tenant()?.uuid(), id.uuid());
        let values = [param(&tenant, Type::UUID), param(&uuid, Type::UUID)];
        one(self.0.find(Self::LOCK, &values).await?)?;
        // What was waited for may have changed the roles, which the first statement did not see.
        self.get(id).await
    }

    const UPDATE: &'static str = "UPDATE users SET email = coalesce($4, email), name = coalesce($5, name),
    status = coalesce($6, status), version = version + 1, updated_at = now()
    WHERE tenant_id = $1 AND id = $2 AND coalesce((version = ANY($3)) = $7, true) AND deleted_at IS NULL
    RETURNING id, email, email_key, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles";

    /// Changes a user of an expected version.
    ///
    /// # Errors
    /// There is none; they were changed meanwhile; another user has the address.
    pub async fn update(&self, id: UserId, expected: &Expected, change: &UserChange) -> Result<User> {
        let (tenant, status) = (self.0.tenant()?.uuid(), change.status.map(UserStatus::as_str));
        let (user_id, (versions, is_wanted)) = (id.uuid(), expected.versions());
        let values = [
            param(&tenant, Type::UUID),
            param(&user_id, Type::UUID),
            param(&versions, Type::INT8_ARRAY),
            param(&change.email, Type::TEXT),
            param(&change.name, Type::TEXT),
            param(&status, Type::TEXT),
            param(&is_wanted, Type::BOOL),
        ];
        match self.0.find(Self::UPDATE, &values).await? {
            Some(row) => user(&row),
            None => Err(expected.unmet("user", self.get(id).await?.version)),
        }
    }

    const DELETE: &'static str =
        "UPDATE users SET deleted_at = now(), version = version + 1, updated_at = now()
    WHERE tenant_id = $1 AND id = $2 AND coalesce((version = ANY($3)) = $4, true) AND deleted_at IS NULL
    RETURNING id, email, email_key, name, status, version, created_at, updated_at,
    ARRAY(SELECT role FROM grants WHERE grants.tenant_id = users.tenant_id AND user_id = users.id AND resource = ''
        ORDER BY role) AS roles";

    /// Deletes a user of an expected version, and says how they were at last. Their orders keep their id.
    ///
    /// # Errors
    /// There is none; they were changed meanwhile.
    pub async fn delete(&self, id: UserId, expected: &Expected) -> Result<User> {
        let tenant = self.0.tenant()?.uuid();
        let (user_id, (versions, is_wanted)) = (id.uuid(), expected.versions());
        let values = [
            param(&tenant, Type::UUID),
            param(&user_id, Type::UUID),
            param(&versions, Type::INT8_ARRAY),
            param(&is_wanted, Type::BOOL),
        ];
        match self.0.find(Self::DELETE, &values).await? {
            Some(row) => user(&row),
            None => Err(expected.unmet("user", self.get(id).await?.version)),
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

    // What could be no id is left out: no token could carry it, and nobody could log in.
    const SCOPED: &'static str = "SELECT role, resource FROM grants
    WHERE tenant_id = $1 AND user_id = $2 AND resource ~ '^[!-~]{1,64}$' ORDER BY created_at, role, resource LIMIT $3";

    /// The roles that a user has for single things: as many as their tokens carry, the oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn scoped_roles(&self, user: UserId) -> Result<Vec<ScopedRole>> {
        let (tenant, user, most) = (self.0.tenant()?.uuid(), user.uuid(), i64::from(ScopedRole::MOST));
        let values = [param(&tenant, Type::UUID), param(&user, Type::UUID), param(&most, Type::INT8)];
        let scoped = |row: &Row| {
            let found = Cells::of(row);
            Ok(ScopedRole { role: found.read("role")?, thing: found.read("resource")? })
        };
        self.0.query(Self::SCOPED, &values).await?.iter().map(scoped).collect()
    }

    const TAKE_ALL: &'static str = "DELETE FROM grants WHERE tenant_id = $1 AND user_id = $2 RETURNING role";

    /// Takes all roles away, those for single things too, and says how many there were.
    ///
    /// # Errors
    /// The database fails.
    pub async fn take_all(&self, user: UserId) -> Result<usize> {
        let (tenant, user) = (self.0.tenant()?.uuid(), user.uuid());
        let values = [param(&tenant, Type::UUID), param(&user, Type::UUID)];
        Ok(self.0.query(Self::TAKE_ALL, &values).await?.len())
    }

    const WAIT: &'static str =
        "SELECT pg_advisory_xact_lock(hashtextextended('olympus.roles.' || $1::text, 0))";
    const OTHERS: &'static str = "SELECT user_id FROM grants JOIN users
        ON users.tenant_id = grants.tenant_id AND users.id = grants.user_id
    WHERE grants.tenant_id = $1 AND role = ANY($2) AND resource = '' AND user_id <> $3
        AND status = 'active' AND deleted_at IS NULL LIMIT 1";

    /// Whether anybody but this user is active and has one of these roles. Until the transaction ends nobody else is
    /// told: so of two who are the last of a kind together, one hears of the other's going.
    ///
    /// # Errors
    /// The database fails.
    pub async fn others_hold(&self, roles: &[String], user: UserId) -> Result<bool> {
        let (tenant, user) = (self.0.tenant()?.uuid(), user.uuid());
        self.0.query(Self::WAIT, &[param(&tenant, Type::UUID)]).await?;
        let values = [param(&tenant, Type::UUID), param(&roles, Type::TEXT_ARRAY), param(&user, Type::UUID)];
        Ok(self.0.find(Self::OTHERS, &values).await?.is_some())
    }
}

/// What is asked of the list: addresses in lower case, and apart from it the roles of which users have one. They are in
/// another table.
fn asked(listing: &Listing<UserField>) -> (Listing<UserField>, Vec<Vec<String>>) {
    let (mut listing, mut roles) = (listing.clone(), Vec::new());
    for condition in std::mem::take(&mut listing.conditions) {
        match condition.field {
            UserField::Role => roles.push(texts(&condition)),
            UserField::Email => listing.conditions.push(in_lower_case(&condition)),
            UserField::Id
            | UserField::Name
            | UserField::Status
            | UserField::CreatedAt
            | UserField::UpdatedAt => listing.conditions.push(condition),
        }
    }
    (listing, roles)
}

fn in_lower_case(condition: &Condition<UserField>) -> Condition<UserField> {
    let texts: Vec<String> = texts(condition).iter().map(|text| text.to_lowercase()).collect();
    match (condition.operator, texts.first()) {
        (Operator::Prefix, Some(prefix)) => Condition::prefix(condition.field, prefix),
        _ => Condition { values: texts.into_iter().map(Value::Text).collect(), ..condition.clone() },
    }
}

fn texts(condition: &Condition<UserField>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        Value::Time(_) | Value::Number(_) | Value::Id(_) | Value::Flag(_) => None,
    };
    condition.values.iter().filter_map(text).collect()
}

/// Only users who have one of the roles of each list.
fn holding<'v>(mut select: Select<'v>, tenant: &'v Uuid, roles: &'v [Vec<String>]) -> Select<'v> {
    let part =
        " AND id IN (SELECT user_id FROM grants WHERE tenant_id = ? AND role = ANY(?) AND resource = '')";
    for roles in roles {
        select = select.with(part, [param(tenant, Type::UUID), param(roles, Type::TEXT_ARRAY)]);
    }
    select
}

fn column(field: UserField) -> Column {
    match field {
        UserField::Id => ("id", Type::UUID),
        UserField::Email => ("email_key", Type::TEXT),
        UserField::Name => ("name", Type::TEXT),
        UserField::Status => ("status", Type::TEXT),
        // Asked apart, and never sorted by.
        UserField::Role => ("NULL", Type::TEXT),
        UserField::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
        UserField::UpdatedAt => ("updated_at", Type::TIMESTAMPTZ),
    }
}

fn one(found: Option<Row>) -> Result<User> {
    let row = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such user"))?;
    user(&row)
}

fn user(row: &Row) -> Result<User> {
    let found = Cells::of(row);
    Ok(User {
        id: UserId::from(found.read::<Uuid>("id")?),
        email: found.read("email")?,
        email_key: found.read("email_key")?,
        name: found.read("name")?,
        status: found.word("status", UserStatus::from_word)?,
        roles: found.read("roles")?,
        version: found.read("version")?,
        created_at: found.read("created_at")?,
        updated_at: found.read("updated_at")?,
    })
}
