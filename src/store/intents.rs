//! Intents of a tenant: written before a backend is asked, taken away when both sides agree, and taken up by a job where
//! whoever wrote them did not come so far. Times are the server's, since instances need not agree on theirs.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Cells;
use super::work::{Work, param};
use crate::error::Result;
use crate::model::{Intent, IntentKind, NewIntent, TenantId};

/// The intents of the tenant of a transaction.
#[derive(Debug)]
pub struct Intents<'w>(&'w Work);

impl Work {
    /// The intents of the tenant of a transaction; the platform takes up those of all.
    pub fn intents(&self) -> Intents<'_> {
        Intents(self)
    }
}

impl Intents<'_> {
    const BEGIN: &'static str = "INSERT INTO intents (tenant_id, kind, subject, state, payload, due_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) ON CONFLICT DO NOTHING RETURNING subject";

    /// Writes an intent, and says whether there was none of its kind and subject before: that one is left as it is.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin(&self, new: &NewIntent) -> Result<bool> {
        let (tenant, kind, due_in) = (self.0.tenant()?.uuid(), new.kind.as_str(), new.due_in.as_secs_f64());
        let values = [
            param(&tenant, Type::UUID),
            param(&kind, Type::TEXT),
            param(&new.subject, Type::UUID),
            param(&new.state, Type::TEXT),
            param(&new.payload, Type::JSONB),
            param(&due_in, Type::FLOAT8),
        ];
        Ok(self.0.find(Self::BEGIN, &values).await?.is_some())
    }

    const FIND: &'static str = "SELECT tenant_id, kind, subject, state, payload, attempts
    FROM intents WHERE tenant_id = $1 AND kind = $2 AND subject = $3";

    /// What is not over with a subject, if anything.
    ///
    /// # Errors
    /// The database fails.
    pub async fn find(&self, kind: IntentKind, subject: Uuid) -> Result<Option<Intent>> {
        let (tenant, kind) = (self.0.tenant()?.uuid(), kind.as_str());
        let values = [param(&tenant, Type::UUID), param(&kind, Type::TEXT), param(&subject, Type::UUID)];
        self.0.find(Self::FIND, &values).await?.as_ref().map(intent).transpose()
    }

    const TURN: &'static str =
        "UPDATE intents SET state = $5, due_at = now() + make_interval(secs => $6), updated_at = now()
    WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state = $4 RETURNING subject";

    /// Moves an intent from one state to another, due after a time, and says whether it was in the first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn turn(
        &self,
        kind: IntentKind,
        subject: Uuid,
        (before, after): (&str, &str),
        due_in: Duration,
    ) -> Result<bool> {
        let (tenant, kind, due_in) = (self.0.tenant()?.uuid(), kind.as_str(), due_in.as_secs_f64());
        let values = [
            param(&tenant, Type::UUID),
            param(&kind, Type::TEXT),
            param(&subject, Type::UUID),
            param(&before, Type::TEXT),
            param(&after, Type::TEXT),
            param(&due_in, Type::FLOAT8),
        ];
        Ok(self.0.find(Self::TURN, &values).await?.is_some())
    }

    const HASTEN: &'static str = "UPDATE intents SET due_at = now()
    WHERE tenant_id = $1 AND kind = $2 AND subject = $3 RETURNING subject";

    /// Leaves an intent to the job at once, and says whether it was there.
    ///
    /// # Errors
    /// The database fails.
    pub async fn hasten(&self, kind: IntentKind, subject: Uuid) -> Result<bool> {
        let (tenant, kind) = (self.0.tenant()?.uuid(), kind.as_str());
        let values = [param(&tenant, Type::UUID), param(&kind, Type::TEXT), param(&subject, Type::UUID)];
        Ok(self.0.find(Self::HASTEN, &values).await?.is_some())
    }

    const END: &'static str = "DELETE FROM intents
    WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state = $4 RETURNING subject";

    /// Takes an intent away that is in this state, and says whether it was there: of two who do so at once, one hears
    /// that it was.
    ///
    /// # Errors
    /// The database fails.
    pub async fn end(&self, kind: IntentKind, subject: Uuid, state: &str) -> Result<bool> {
        let (tenant, kind) = (self.0.tenant()?.uuid(), kind.as_str());
        let values = [
            param(&tenant, Type::UUID),
            param(&kind, Type::TEXT),
            param(&subject, Type::UUID),
            param(&state, Type::TEXT),
        ];
        Ok(self.0.find(Self::END, &values).await?.is_some())
    }

    // Twice as long after each attempt, five minutes at most, and some of it by chance.
    const LEASE: &'static str = "WITH due AS (
        SELECT tenant_id, kind, subject FROM intents WHERE kind = $1 AND due_at <= now() ORDER BY due_at LIMIT $2
        FOR UPDATE SKIP LOCKED)
    UPDATE intents SET attempts = attempts + 1, updated_at = now(), due_at = now()
        + make_interval(secs => greatest($3, least(power(2, least(attempts, 16)), 300) * (0.75 + random() / 2)))
    FROM due WHERE intents.tenant_id = due.tenant_id AND intents.kind = due.kind AND intents.subject = due.subject
    RETURNING intents.tenant_id, intents.kind, intents.subject, state, payload, attempts";

    /// Takes up so many intents of this transaction's reach that are due, for so long at least: nobody else gets them
    /// meanwhile, and those that are still there afterwards are due again, later each time.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lease(&self, kind: IntentKind, limit: u16, lease: Duration) -> Result<Vec<Intent>> {
        let (kind, limit, lease) = (kind.as_str(), i64::from(limit), lease.as_secs_f64());
        let values = [param(&kind, Type::TEXT), param(&limit, Type::INT8), param(&lease, Type::FLOAT8)];
        self.0.query(Self::LEASE, &values).await?.iter().map(intent).collect()
    }
}

fn intent(row: &Row) -> Result<Intent> {
    let found = Cells::of(row);
    Ok(Intent {
        tenant: TenantId::from(found.read::<Uuid>("tenant_id")?),
        kind: found.word("kind", IntentKind::from_word)?,
        subject: found.read("subject")?,
        state: found.read("state")?,
        payload: found.read("payload")?,
        attempts: found.read("attempts")?,
    })
}
