//! What a session granted is taken back: written to the database with its end, then told to all instances.

use chrono::{DateTime, Utc};

use super::Sessions;
use crate::domain::Visit;
use crate::error::Result;
use crate::identity::{Caller, Revocation};
use crate::model::{Recorded, SessionId, TenantId};
use crate::store::Work;

/// Writes down that the access tokens of a session are no longer good. To be told once it is committed.
pub(super) async fn revoke(
    work: &Work,
    (tenant, session): (TenantId, SessionId),
    now: DateTime<Utc>,
) -> Result<Recorded> {
    let what = Revocation::Session(session);
    work.revocations().insert(tenant, &what, now + Revocation::MEMORY).await
}

impl Sessions {
    /// Takes back the one token a caller calls with.
    pub(super) async fn take_back(&self, caller: &Caller, visit: &Visit) -> Result<()> {
        let Some(token) = caller.token else { return Ok(()) };
        let (what, until) = (&Revocation::Token(token), caller.expires + Revocation::LEEWAY);
        let end = |work: Work| async move {
            let entry = visit.entry(&caller.subject, "token.ended", format!("token/{token}"));
            work.audit().append(&entry).await?;
            work.revocations().insert(caller.tenant, what, until).await
        };
        let recorded = self.store.tenant(caller.tenant).within(visit.left()).run(end).await?;
        self.feed.announce(vec![recorded]);
        Ok(())
    }
}
