//! Sessions of a tenant. Those that ended are kept until they would have expired, for what refers to them.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{Device, NewSession, Session, SessionEnd, SessionId, UserId};

/// The sessions of the tenant of a transaction.
#[derive(Debug)]
pub struct Sessions<'w>(&'w Work);

impl Work {
    /// The sessions of the tenant of a transaction; the platform clears away those of all.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

impl Sessions<'_> {
    const INSERT: &'static str =
        "INSERT INTO sessions (tenant_id, id, user_id, agent, address, created_at, last_seen_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6, $7)";

    /// A new session.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn create(&self, new: &NewSession) -> Result<()> {
        let (tenant, id, user) = (self.0.tenant()?.uuid(), new.id.uuid(), new.user.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&user, Type::UUID),
            param(&new.device.agent, Type::TEXT),
            param(&new.device.address, Type::TEXT),
            param(&new.created_at, Type::TIMESTAMPTZ),
            param(&new.expires_at, Type::TIMESTAMPTZ),
        ];
        self.0.query(Self::INSERT, &values).await.map(drop)
    }

    const LOCK: &'static str =
        "SELECT id, user_id, agent, address, created_at, last_seen_at, expires_at, ended_at, ended_because
    FROM sessions WHERE tenant_id = $1 AND id = $2 FOR UPDATE";

    /// The session of this id, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn lock(&self, id: SessionId) -> Result<Session> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let values = [param(&tenant, Type::UUID), param(&id, Type::UUID)];
        let missing = || Error::new(Kind::NotFound, "there is no such session");
        self.0.find(Self::LOCK, &values).await?.as_ref().map(session).ok_or_else(missing)?
    }

    const LIST: &'static str =
        "SELECT id, user_id, agent, address, created_at, last_seen_at, expires_at, ended_at, ended_because
    FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3
    ORDER BY created_at DESC, id DESC LIMIT $4";

    /// The sessions of a user that go on, so many at most, the newest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list(&self, user: UserId, now: DateTime<Utc>, limit: u16) -> Result<Vec<Session>> {
        let (tenant, user, limit) = (self.0.tenant()?.uuid(), user.uuid(), i64::from(limit));
        let values = [
            param(&tenant, Type::UUID),
            param(&user, Type::UUID),
            param(&now, Type::TIMESTAMPTZ),
            param(&limit, Type::INT8),
        ];
        self.0.query(Self::LIST, &values).await?.iter().map(session).collect()
    }

    const SEE: &'static str =
        "UPDATE sessions SET agent = $3, address = $4, last_seen_at = $5, expires_at = $6
    WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL";

    /// Notes that a session was used, and until when it goes on.
    ///
    /// # Errors
    /// The database fails.
    pub async fn see(
        &self,
        id: SessionId,
        device: &Device,
        (now, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<()> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&device.agent, Type::TEXT),
            param(&device.address, Type::TEXT),
            param(&now, Type::TIMESTAMPTZ),
            param(&until, Type::TIMESTAMPTZ),
        ];
        self.0.query(Self::SEE, &values).await.map(drop)
    }

    const END: &'static str = "UPDATE sessions SET ended_at = $3, ended_because = $4
    WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL RETURNING id";

    /// Ends a session, and says whether it went on until now.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end(&self, id: SessionId, why: SessionEnd, now: DateTime<Utc>) -> Result<bool> {
        let (tenant, id, word) = (self.0.tenant()?.uuid(), id.uuid(), why.as_str());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&now, Type::TIMESTAMPTZ),
            param(&word, Type::TEXT),
        ];
        Ok(self.0.find(Self::END, &values).await?.is_some())
    }

    // In the order of ids, so that two who do this at once wait for each other and never both.
    const END_OTHERS: &'static str = "WITH others AS (
        SELECT id FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL
            AND id IS DISTINCT FROM $3 ORDER BY id FOR UPDATE)
    UPDATE sessions SET ended_at = $4, ended_because = $5 FROM others
    WHERE sessions.tenant_id = $1 AND sessions.id = others.id RETURNING sessions.id";

    /// Ends the sessions of a user but for one, and says which.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end_others(
        &self,
        user: UserId,
        kept: Option<SessionId>,
        (why, now): (SessionEnd, DateTime<Utc>),
    ) -> Result<Vec<SessionId>> {
        let (tenant, user, word) = (self.0.tenant()?.uuid(), user.uuid(), why.as_str());
        let kept = kept.map(SessionId::uuid);
        let values = [
            param(&tenant, Type::UUID),
            param(&user, Type::UUID),
            param(&kept, Type::UUID),
            param(&now, Type::TIMESTAMPTZ),
            param(&word, Type::TEXT),
        ];
        let ended = self.0.query(Self::END_OTHERS, &values).await?;
        ended.iter().map(|found| Cells::of(found).read::<Uuid>("id").map(SessionId::from)).collect()
    }

    const CLEAR: &'static str = "WITH old AS (
        SELECT tenant_id, id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
        FOR UPDATE SKIP LOCKED)
    DELETE FROM sessions USING old WHERE sessions.tenant_id = old.tenant_id AND sessions.id = old.id
    RETURNING sessions.id";

    /// Forgets so many sessions of this transaction's reach that expired before, with their refresh tokens, and says
    /// how many there were. Those that somebody else is forgetting are left to them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clear(&self, before: DateTime<Utc>, limit: u16) -> Result<usize> {
        let limit = i64::from(limit);
        let values = [param(&before, Type::TIMESTAMPTZ), param(&limit, Type::INT8)];
        Ok(self.0.query(Self::CLEAR, &values).await?.len())
    }
}

fn session(row: &Row) -> Result<Session> {
    let found = Cells::of(row);
    let ended_at: Option<DateTime<Utc>> = found.read("ended_at")?;
    let ended = match ended_at {
        Some(time) => Some((time, found.word("ended_because", SessionEnd::from_word)?)),
        None => None,
    };
    Ok(Session {
        id: SessionId::from(found.read::<Uuid>("id")?),
        user: UserId::from(found.read::<Uuid>("user_id")?),
        device: Device { agent: found.read("agent")?, address: found.read("address")? },
        created_at: found.read("created_at")?,
        last_seen_at: found.read("last_seen_at")?,
        expires_at: found.read("expires_at")?,
        ended,
    })
}
