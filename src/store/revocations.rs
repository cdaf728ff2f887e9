//! What was taken back, of all tenants, in the order it was recorded. Ids become visible in that order, so asking for
//! what is later than the last one seen misses nothing.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::{Error, Result};
use crate::model::{Recorded, Revocation, TenantId};

/// What was taken back: a tenant sees and adds its own, the platform all.
#[derive(Debug)]
pub struct Revocations<'w>(&'w Work);

impl Work {
    /// What was taken back: a tenant sees and adds its own, the platform all.
    pub fn revocations(&self) -> Revocations<'_> {
        Revocations(self)
    }
}

impl Revocations<'_> {
    const INSERT: &'static str = "INSERT INTO revocations (tenant_id, kind, subject, not_before, expires_at)
    VALUES ($1, $2, $3, coalesce($4, now()), $5) RETURNING id, tenant_id, kind, subject, not_before, expires_at";

    /// Takes something of a tenant back, once the transaction is committed. From `until` on nothing it speaks of could
    /// be good any more. Others who take something back wait until this transaction ends, so it comes last in one.
    ///
    /// # Errors
    /// The transaction is of another tenant; the database fails.
    pub async fn insert(
        &self,
        tenant: TenantId,
        what: &Revocation,
        until: DateTime<Utc>,
    ) -> Result<Recorded> {
        let (tenant, kind, subject, since) = (tenant.uuid(), what.kind(), what.subject(), what.not_before());
        let values = [
            param(&tenant, Type::UUID),
            param(&kind, Type::TEXT),
            param(&subject, Type::TEXT),
            param(&since, Type::TIMESTAMPTZ),
            param(&until, Type::TIMESTAMPTZ),
        ];
        let row = self.0.find(Self::INSERT, &values).await?;
        recorded(&row.ok_or_else(|| Error::internal("record a revocation: no row came back"))?)
    }

    const INSERT_ALL: &'static str =
        "INSERT INTO revocations (tenant_id, kind, subject, not_before, expires_at)
    SELECT $1, kind, subject, coalesce(not_before, now()), $5
    FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS taken (kind, subject, not_before)
    RETURNING id, tenant_id, kind, subject, not_before, expires_at";

    /// The same of several things at once.
    ///
    /// # Errors
    /// The transaction is of another tenant; the database fails.
    pub async fn insert_all(
        &self,
        tenant: TenantId,
        what: &[Revocation],
        until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>> {
        let tenant = tenant.uuid();
        let kinds: Vec<_> = what.iter().map(Revocation::kind).collect();
        let subjects: Vec<_> = what.iter().map(Revocation::subject).collect();
        let since: Vec<_> = what.iter().map(Revocation::not_before).collect();
        let values = [
            param(&tenant, Type::UUID),
            param(&kinds, Type::TEXT_ARRAY),
            param(&subjects, Type::TEXT_ARRAY),
            param(&since, Type::TIMESTAMPTZ_ARRAY),
            param(&until, Type::TIMESTAMPTZ),
        ];
        self.0.query(Self::INSERT_ALL, &values).await?.iter().map(recorded).collect()
    }

    const AFTER: &'static str = "SELECT id, tenant_id, kind, subject, not_before, expires_at FROM revocations
    WHERE id > $1 AND expires_at > now() ORDER BY id LIMIT $2";

    /// So many at most of those in force that were recorded after this one, in their order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn after(&self, id: i64, most: i64) -> Result<Vec<Recorded>> {
        let rows = self.0.query(Self::AFTER, &[param(&id, Type::INT8), param(&most, Type::INT8)]).await?;
        rows.iter().map(recorded).collect()
    }

    const TAKE_TURN: &'static str =
        "SELECT pg_try_advisory_xact_lock(hashtextextended('olympus.revocations.clearing', 0)) AS is_mine";
    const CLEAR: &'static str = "DELETE FROM revocations WHERE id IN
    (SELECT id FROM revocations WHERE expires_at < now() ORDER BY expires_at LIMIT $1) RETURNING id";

    /// Deletes so many at most of those that have expired, unless another instance is at it, and says how many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn clear(&self, most: i64) -> Result<usize> {
        let turn = self.0.find(Self::TAKE_TURN, &[]).await?;
        let is_mine = turn.map(|row| Cells::of(&row).read("is_mine")).transpose()?.unwrap_or(false);
        if !is_mine {
            return Ok(0);
        }
        Ok(self.0.query(Self::CLEAR, &[param(&most, Type::INT8)]).await?.len())
    }
}

fn recorded(row: &Row) -> Result<Recorded> {
    let found = Cells::of(row);
    let (kind, subject): (&str, &str) = (found.read("kind")?, found.read("subject")?);
    let tenant = TenantId::from(found.read::<Uuid>("tenant_id")?);
    let what = Revocation::from_words(kind, subject, (tenant, found.read("not_before")?));
    Ok(Recorded {
        id: found.read("id")?,
        what: what.ok_or_else(|| Error::internal(format!("a revocation of an unknown kind: `{kind}`")))?,
        until: found.read("expires_at")?,
    })
}
