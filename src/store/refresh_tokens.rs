//! Refresh tokens of a tenant, by their hashes. Used ones are kept until they expire, so that reuse is noticed.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Result};
use crate::model::{FamilyId, RefreshOwner, RefreshRecord, SessionId, TenantId, UserId};

/// The refresh tokens of the tenant of a transaction.
#[derive(Debug)]
pub struct RefreshTokens<'w>(&'w Work);

impl Work {
    /// The refresh tokens of the tenant of a transaction; the platform finds whose one is.
    pub fn refresh_tokens(&self) -> RefreshTokens<'_> {
        RefreshTokens(self)
    }
}

impl RefreshTokens<'_> {
    const OWNER: &'static str = "SELECT refresh_tokens.tenant_id, session_id, user_id FROM refresh_tokens
    JOIN sessions ON sessions.tenant_id = refresh_tokens.tenant_id AND sessions.id = session_id WHERE hash = $1";

    /// Whose the token of this hash is, among those that the transaction sees.
    ///
    /// # Errors
    /// The database fails.
    pub async fn owner(&self, hash: &[u8; 32]) -> Result<Option<RefreshOwner>> {
        let hash = &hash[..];
        let found = self.0.find(Self::OWNER, &[param(&hash, Type::BYTEA)]).await?;
        found.as_ref().map(owner).transpose()
    }

    const GET: &'static str =
        "SELECT hash, session_id, family_id, generation, created_at, expires_at, used_at, revoked_at
    FROM refresh_tokens WHERE tenant_id = $1 AND hash = $2";

    /// The token of this hash, if there is one. Whoever means to change it has locked its session before.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, hash: &[u8; 32]) -> Result<Option<RefreshRecord>> {
        let (tenant, hash) = (self.0.tenant()?.uuid(), &hash[..]);
        let values = [param(&tenant, Type::UUID), param(&hash, Type::BYTEA)];
        self.0.find(Self::GET, &values).await?.as_ref().map(record).transpose()
    }

    const INSERT: &'static str =
        "INSERT INTO refresh_tokens (hash, tenant_id, session_id, family_id, generation, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

    /// Keeps a new token.
    ///
    /// # Errors
    /// There is no such session in this tenant, or the token is there already.
    pub async fn add(&self, new: &RefreshRecord) -> Result<()> {
        let (tenant, session, family) = (self.0.tenant()?.uuid(), new.session.uuid(), new.family.uuid());
        let hash = &new.hash[..];
        let values = [
            param(&hash, Type::BYTEA),
            param(&tenant, Type::UUID),
            param(&session, Type::UUID),
            param(&family, Type::UUID),
            param(&new.generation, Type::INT4),
            param(&new.created_at, Type::TIMESTAMPTZ),
            param(&new.expires_at, Type::TIMESTAMPTZ),
        ];
        self.0.query(Self::INSERT, &values).await.map(drop)
    }

    const USE: &'static str = "UPDATE refresh_tokens SET used_at = $3 WHERE tenant_id = $1 AND hash = $2";

    /// Notes that a token was used.
    ///
    /// # Errors
    /// The database fails.
    pub async fn use_up(&self, hash: &[u8; 32], now: DateTime<Utc>) -> Result<()> {
        let (tenant, hash) = (self.0.tenant()?.uuid(), &hash[..]);
        let values = [param(&tenant, Type::UUID), param(&hash, Type::BYTEA), param(&now, Type::TIMESTAMPTZ)];
        self.0.query(Self::USE, &values).await.map(drop)
    }

    const REVOKE: &'static str = "UPDATE refresh_tokens SET revoked_at = $3
    WHERE tenant_id = $1 AND family_id = $2 AND revoked_at IS NULL";

    /// Takes back all tokens of a family.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke(&self, family: FamilyId, now: DateTime<Utc>) -> Result<()> {
        let (tenant, family) = (self.0.tenant()?.uuid(), family.uuid());
        let values = [param(&tenant, Type::UUID), param(&family, Type::UUID), param(&now, Type::TIMESTAMPTZ)];
        self.0.query(Self::REVOKE, &values).await.map(drop)
    }

    const CLEAR: &'static str = "WITH old AS (
        SELECT hash FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM refresh_tokens USING old WHERE refresh_tokens.hash = old.hash RETURNING old.hash";

    /// Forgets so many tokens of this transaction's reach that expired before, and says how many there were.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clear(&self, before: DateTime<Utc>, limit: u16) -> Result<usize> {
        let limit = i64::from(limit);
        let values = [param(&before, Type::TIMESTAMPTZ), param(&limit, Type::INT8)];
        Ok(self.0.query(Self::CLEAR, &values).await?.len())
    }
}

fn owner(row: &Row) -> Result<RefreshOwner> {
    let found = Cells::of(row);
    Ok(RefreshOwner {
        tenant: TenantId::from(found.read::<Uuid>("tenant_id")?),
        session: SessionId::from(found.read::<Uuid>("session_id")?),
        user: UserId::from(found.read::<Uuid>("user_id")?),
    })
}

fn record(row: &Row) -> Result<RefreshRecord> {
    let found = Cells::of(row);
    let hash: &[u8] = found.read("hash")?;
    let odd = |error| Error::internal("read the hash of a refresh token").caused_by(error);
    Ok(RefreshRecord {
        hash: hash.try_into().map_err(odd)?,
        session: SessionId::from(found.read::<Uuid>("session_id")?),
        family: FamilyId::from(found.read::<Uuid>("family_id")?),
        generation: found.read("generation")?,
        created_at: found.read("created_at")?,
        expires_at: found.read("expires_at")?,
        used_at: found.read("used_at")?,
        revoked_at: found.read("revoked_at")?,
    })
}
