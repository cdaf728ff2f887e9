//! Keys of requests that are done once. A claim is committed before the work begins, and holds for a while; the answer
//! is kept in the transaction of the work, and only by the claim that still holds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Result};
use crate::model::{Claim, OnceKey, StoredAnswer};

/// The keys of a transaction's reach: of its tenant, or of all for the platform.
#[derive(Debug)]
pub struct Idempotency<'w>(&'w Work);

impl Work {
    /// The keys of a transaction's reach. The platform reaches all: who makes a tenant keeps the answer in their own.
    pub fn idempotency(&self) -> Idempotency<'_> {
        Idempotency(self)
    }
}

impl Idempotency<'_> {
    // Taken over: what expired, and what somebody claimed for the same request and left. Of a request that was digested
    // with none of our keys nobody can say that it is another one; see `RequestDigests::may_be`.
    const CLAIM: &'static str = "INSERT INTO idempotency_keys AS held
        (tenant_id, caller, key, request_hash, claim_id, claimed_until, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), now() + make_interval(secs => $7))
    ON CONFLICT (tenant_id, caller, key) DO UPDATE SET request_hash = excluded.request_hash,
        claim_id = excluded.claim_id, claimed_until = excluded.claimed_until, expires_at = excluded.expires_at,
        status = NULL, headers = NULL, body = NULL, created_at = now()
    WHERE held.expires_at <= now() OR (held.status IS NULL AND coalesce(held.claimed_until <= now(), true)
        AND (held.request_hash = ANY($8) OR NOT EXISTS (SELECT FROM unnest($8::bytea[]) AS ours
            WHERE substr(ours, 1, 4) = substr(held.request_hash, 1, 4))))
    RETURNING claim_id";

    const FIND: &'static str = "SELECT request_hash, status, headers, body
    FROM idempotency_keys WHERE tenant_id = $1 AND caller = $2 AND key = $3";

    /// Claims a key under this id for so long, and says what it finds. An answer is kept for as long as the second
    /// time says.
    ///
    /// # Errors
    /// The database fails.
    pub async fn claim(
        &self,
        wanted: &OnceKey,
        id: Uuid,
        (lease, kept): (Duration, Duration),
    ) -> Result<Claim> {
        let tenant = wanted.tenant.uuid();
        let (lease, kept) = (lease.as_secs_f64(), kept.as_secs_f64());
        let digests: Vec<&[u8]> = wanted.request.all().iter().map(|digest| digest.as_slice()).collect();
        let kept_as = digests.first().copied().unwrap_or_default();
        let values = [
            param(&tenant, Type::UUID),
            param(&wanted.caller, Type::TEXT),
            param(&wanted.key, Type::TEXT),
            param(&kept_as, Type::BYTEA),
            param(&id, Type::UUID),
            param(&lease, Type::FLOAT8),
            param(&kept, Type::FLOAT8),
            param(&digests, Type::BYTEA_ARRAY),
        ];
        if self.0.find(Self::CLAIM, &values).await?.is_some() {
            return Ok(Claim::Ours);
        }
        let [tenant, caller, key, ..] = values;
        match self.0.find(Self::FIND, &[tenant, caller, key]).await? {
            Some(found) => held(&found, wanted),
            // Given back between the two statements: who asks again gets it.
            None => Ok(Claim::InProgress),
        }
    }

    const SETTLE: &'static str =
        "UPDATE idempotency_keys SET status = $5, headers = $6, body = $7, claimed_until = NULL
    WHERE tenant_id = $1 AND caller = $2 AND key = $3 AND claim_id = $4 AND status IS NULL RETURNING key";

    /// Keeps the answer, and says whether the claim still held.
    ///
    /// # Errors
    /// The database fails.
    pub async fn settle(&self, wanted: &OnceKey, id: Uuid, answer: &StoredAnswer) -> Result<bool> {
        let (tenant, status) = (wanted.tenant.uuid(), i32::from(answer.status));
        let headers = serde_json::to_value(&answer.headers);
        let headers = headers.map_err(|error| Error::internal("keep an answer").caused_by(error))?;
        let values = [
            param(&tenant, Type::UUID),
            param(&wanted.caller, Type::TEXT),
            param(&wanted.key, Type::TEXT),
            param(&id, Type::UUID),
            param(&status, Type::INT4),
            param(&headers, Type::JSONB),
            param(&answer.body, Type::BYTEA),
        ];
        Ok(self.0.find(Self::SETTLE, &values).await?.is_some())
    }

    const RELEASE: &'static str = "DELETE FROM idempotency_keys
    WHERE tenant_id = $1 AND caller = $2 AND key = $3 AND claim_id = $4 AND status IS NULL RETURNING key";

    /// Gives a claim back of which nothing came, and says whether it still held.
    ///
    /// # Errors
    /// The database fails.
    pub async fn release(&self, wanted: &OnceKey, id: Uuid) -> Result<bool> {
        let tenant = wanted.tenant.uuid();
        let values = [
            param(&tenant, Type::UUID),
            param(&wanted.caller, Type::TEXT),
            param(&wanted.key, Type::TEXT),
            param(&id, Type::UUID),
        ];
        Ok(self.0.find(Self::RELEASE, &values).await?.is_some())
    }

    const CLEAR: &'static str = "WITH old AS (
        SELECT tenant_id, caller, key FROM idempotency_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
        FOR UPDATE SKIP LOCKED)
    DELETE FROM idempotency_keys AS held USING old
    WHERE held.tenant_id = old.tenant_id AND held.caller = old.caller AND held.key = old.key RETURNING held.key";

    /// Forgets so many keys of this transaction's reach that expired before, and says how many there were.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clear(&self, before: DateTime<Utc>, limit: u16) -> Result<usize> {
        let limit = i64::from(limit);
        let values = [param(&before, Type::TIMESTAMPTZ), param(&limit, Type::INT8)];
        Ok(self.0.query(Self::CLEAR, &values).await?.len())
    }
}

/// What somebody else holds the key for.
fn held(row: &Row, wanted: &OnceKey) -> Result<Claim> {
    let found = Cells::of(row);
    let theirs: Vec<u8> = found.read("request_hash")?;
    if !wanted.request.may_be(&theirs) {
        return Ok(Claim::Mismatch);
    }
    let status: Option<i32> = found.read("status")?;
    let Some(status) = status else { return Ok(Claim::InProgress) };
    let unread = |_| Error::internal(format!("a kept answer has the status {status}"));
    let headers: Option<Value> = found.read("headers")?;
    let headers = serde_json::from_value(headers.unwrap_or_else(|| Value::Array(Vec::new())));
    Ok(Claim::Answered(StoredAnswer {
        status: u16::try_from(status).map_err(unread)?,
        headers: headers.map_err(|error| Error::internal("read a kept answer").caused_by(error))?,
        body: found.read::<Option<Vec<u8>>>("body")?.unwrap_or_default(),
    }))
}
