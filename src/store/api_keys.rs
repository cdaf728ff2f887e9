//! API keys: of a tenant, but for the one who calls with one and whose tenant is not known yet. Those that were taken
//! back are kept, and not listed.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::{Column, Shape, is_common};
use super::row::Cells;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    ApiKeyEntry, ApiKeyField, ApiKeyId, Count, FoundApiKey, Listing, NewApiKey, Page, TenantId, TenantStatus,
    UserId,
};

/// The API keys of the tenant of a transaction.
#[derive(Debug)]
pub struct ApiKeys<'w>(&'w Work);

impl Work {
    /// The API keys of the tenant of a transaction.
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(self)
    }
}

impl ApiKeys<'_> {
    const INSERT: &'static str =
        "INSERT INTO api_keys (tenant_id, id, user_id, name, hash, hint, scopes, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING id, user_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at";

    /// A new key.
    ///
    /// # Errors
    /// There is no such user; its name is none.
    pub async fn create(&self, new: &NewApiKey) -> Result<ApiKeyEntry> {
        let (tenant, id, user) = (self.0.tenant()?.uuid(), new.id.uuid(), new.user.uuid());
        let hash = new.hash.as_slice();
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&user, Type::UUID),
            param(&new.name, Type::TEXT),
            param(&hash, Type::BYTEA),
            param(&new.hint, Type::TEXT),
            param(&new.scopes, Type::TEXT_ARRAY),
            param(&new.expires_at, Type::TIMESTAMPTZ),
        ];
        one(self.0.find(Self::INSERT, &values).await?)
    }

    const COUNT_OF: &'static str = "SELECT count(*) AS count FROM api_keys
    WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())";

    /// How many keys a user has that are good.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count_of(&self, user: UserId) -> Result<i64> {
        let (tenant, user) = (self.0.tenant()?.uuid(), user.uuid());
        let values = [param(&tenant, Type::UUID), param(&user, Type::UUID)];
        let row = self.0.find(Self::COUNT_OF, &values).await?;
        row.map_or(Ok(0), |row| Cells::of(&row).read("count"))
    }

    const GET: &'static str =
        "SELECT id, user_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at
    FROM api_keys WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";

    /// The key of this id.
    ///
    /// # Errors
    /// There is none in this tenant, or it was taken back.
    pub async fn get(&self, id: ApiKeyId) -> Result<ApiKeyEntry> {
        let tenant = self.0.tenant()?.uuid();
        one(self.0.find(Self::GET, &[param(&tenant, Type::UUID), param(&id.uuid(), Type::UUID)]).await?)
    }

    const LIST: &'static str =
        "SELECT id, user_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at
    FROM api_keys WHERE revoked_at IS NULL AND tenant_id = ";

    /// A page of the keys that fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub async fn list(&self, listing: &Listing<ApiKeyField>) -> Result<Page<ApiKeyEntry>> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        select.fitting(listing, column)?.listing(self.0, listing, &Shape { column, read: key }).await
    }

    const COUNT: &'static str = "SELECT count(*) AS count FROM (SELECT FROM api_keys
    WHERE revoked_at IS NULL AND tenant_id = ";

    /// How many keys fit, wherever a page begins; exact up to so many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self, listing: &Listing<ApiKeyField>, most: u32) -> Result<Count> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::COUNT).with("?", [param(&tenant, Type::UUID)]);
        select.fitting(listing, column)?.count(self.0, most, is_common(listing)).await
    }

    const REVOKE: &'static str = "UPDATE api_keys SET revoked_at = now()
    WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL
    RETURNING id, user_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at";

    /// Takes a key back.
    ///
    /// # Errors
    /// There is none in this tenant, or it was taken back before.
    pub async fn revoke(&self, id: ApiKeyId) -> Result<ApiKeyEntry> {
        let tenant = self.0.tenant()?.uuid();
        one(self.0.find(Self::REVOKE, &[param(&tenant, Type::UUID), param(&id.uuid(), Type::UUID)]).await?)
    }

    const REVOKE_ALL: &'static str = "UPDATE api_keys SET revoked_at = now()
    WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id";

    /// Takes all keys of a user back, and says how many there were.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke_all(&self, user: UserId) -> Result<usize> {
        let (tenant, user) = (self.0.tenant()?.uuid(), user.uuid());
        let values = [param(&tenant, Type::UUID), param(&user, Type::UUID)];
        Ok(self.0.query(Self::REVOKE_ALL, &values).await?.len())
    }

    const USED: &'static str = "UPDATE api_keys SET last_used_at = now() WHERE tenant_id = $1 AND id = $2
    AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') RETURNING id";

    /// Notes that somebody called with a key, unless that was noted less than a minute ago.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_use(&self, id: ApiKeyId) -> Result<()> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let values = [param(&tenant, Type::UUID), param(&id, Type::UUID)];
        self.0.find(Self::USED, &values).await.map(drop)
    }

    const FIND: &'static str = "SELECT k.tenant_id, k.id, k.user_id, k.name, k.hint, k.scopes, k.created_at,
        k.expires_at, k.last_used_at, k.revoked_at, t.status, now() AS found_at
    FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE k.hash = $1";

    /// The key with this SHA-256, of whatever tenant, in a transaction of the platform.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, hash: &[u8; 32]) -> Result<Option<FoundApiKey>> {
        let hash = hash.as_slice();
        let found = self.0.find(Self::FIND, &[param(&hash, Type::BYTEA)]).await?;
        let read = |row: &Row| {
            let found = Cells::of(row);
            Ok(FoundApiKey {
                tenant: TenantId::from(found.read::<Uuid>("tenant_id")?),
                is_tenant_active: found.word("status", TenantStatus::from_word)? == TenantStatus::Active,
                key: key(row)?,
                found_at: found.read("found_at")?,
            })
        };
        found.as_ref().map(read).transpose()
    }
}

fn column(field: ApiKeyField) -> Column {
    match field {
        ApiKeyField::Id => ("id", Type::UUID),
        ApiKeyField::UserId => ("user_id", Type::UUID),
        ApiKeyField::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
    }
}

fn one(found: Option<Row>) -> Result<ApiKeyEntry> {
    let row = found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such key"))?;
    key(&row)
}

fn key(row: &Row) -> Result<ApiKeyEntry> {
    let found = Cells::of(row);
    Ok(ApiKeyEntry {
        id: ApiKeyId::from(found.read::<Uuid>("id")?),
        user: UserId::from(found.read::<Uuid>("user_id")?),
        name: found.read("name")?,
        hint: found.read("hint")?,
        scopes: found.read("scopes")?,
        created_at: found.read("created_at")?,
        expires_at: found.read("expires_at")?,
        last_used_at: found.read("last_used_at")?,
        revoked_at: found.read("revoked_at")?,
    })
}
