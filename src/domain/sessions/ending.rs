//! The end of sessions by those who may end them, and the list of those that go on.

use chrono::{DateTime, Utc};

use super::revoke::revoke;
use super::{Sessions, Terms};
use crate::domain::Visit;
use crate::error::{Error, Kind, Result};
use crate::identity::{Caller, RefreshToken, Revocation, Thing};
use crate::model::{Permission, Recorded, Session, SessionEnd, SessionId, TenantId, UserId};
use crate::store::Work;

/// Most sessions that are listed: the newest.
const MOST: u16 = 100;

impl Sessions {
    /// The caller's sessions that go on, the newest first, a hundred at most.
    ///
    /// # Errors
    /// They may not see them; the database does not answer.
    pub async fn list(&self, caller: &Caller, visit: &Visit, now: DateTime<Utc>) -> Result<Vec<Session>> {
        caller.require_own(Permission::SessionsRead, &caller.subject)?;
        let Some(user) = user(caller) else { return Ok(Vec::new()) };
        let list = |work: Work| async move { work.sessions().list(user, now, MOST).await };
        self.store.tenant(caller.tenant).within(visit.left()).run(list).await
    }

    /// Ends the session the caller calls from; of a caller without one, the token they call with.
    ///
    /// # Errors
    /// They may not; the database does not answer.
    pub async fn log_out(
        &self,
        caller: &Caller,
        terms: &Terms,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<()> {
        caller.require_own(Permission::SessionsRevoke, &caller.subject)?;
        let Some(session) = caller.session else { return self.take_back(caller, visit).await };
        let owner = (caller.tenant, session);
        self.finish(terms, visit, (owner, &caller.subject), (SessionEnd::Logout, now)).await
    }

    /// Ends the session that a refresh token keeps going. What is not good is no session's, and that is no failure.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_out_by(
        &self,
        token: &str,
        terms: &Terms,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(()) };
        let Some(owner) = self.owner(&token, visit).await? else { return Ok(()) };
        let user = owner.user.to_string();
        let whose = ((owner.tenant, owner.session), user.as_str());
        self.finish(terms, visit, whose, (SessionEnd::Logout, now)).await
    }

    /// Ends one session: the caller's own, or one of their tenant where they may.
    ///
    /// # Errors
    /// There is none, as far as they may know; they may not; the database does not answer.
    pub async fn end(
        &self,
        caller: &Caller,
        id: SessionId,
        (terms, visit): (&Terms, &Visit),
        now: DateTime<Utc>,
    ) -> Result<()> {
        caller.require_any(Permission::SessionsRevoke)?;
        let end = |work: Work| async move {
            let session = work.sessions().lock(id).await?;
            let (thing, owner) = (id.to_string(), session.user.to_string());
            let thing = Thing { id: &thing, owner: Some(&owner) };
            caller.require_with(Permission::SessionsRevoke, thing)?;
            if session.ended.is_some() {
                return Err(Error::new(Kind::NotFound, "there is no such session"));
            }
            let whose = ((caller.tenant, id), &*caller.subject);
            terms.finish(&work, visit, whose, (SessionEnd::Revoked, now)).await
        };
        self.feed.announce(self.store.tenant(caller.tenant).within(visit.left()).run(end).await?);
        Ok(())
    }

    /// Ends all sessions of the caller but the one they call from, and says how many.
    ///
    /// # Errors
    /// They may not; the database does not answer.
    pub async fn end_others(&self, caller: &Caller, visit: &Visit, now: DateTime<Utc>) -> Result<usize> {
        caller.require_own(Permission::SessionsRevoke, &caller.subject)?;
        let Some(user) = user(caller) else { return Ok(0) };
        let end = |work: Work| async move {
            let why = (SessionEnd::Revoked, now);
            let ended = work.sessions().end_others(user, caller.session, why).await?;
            if ended.is_empty() {
                return Ok(Vec::new());
            }
            let entry = |id| visit.entry(&caller.subject, "session.ended", format!("session/{id}"));
            work.audit().append_all(&ended.iter().map(entry).collect::<Vec<_>>()).await?;
            // Whoever else takes something back waits from here on.
            let what: Vec<_> = ended.into_iter().map(Revocation::Session).collect();
            work.revocations().insert_all(caller.tenant, &what, now + Revocation::MEMORY).await
        };
        let ended = self.store.tenant(caller.tenant).within(visit.left()).run(end).await?;
        let count = ended.len();
        self.feed.announce(ended);
        Ok(count)
    }

    /// Ends a session if it goes on, and tells everybody.
    async fn finish(
        &self,
        terms: &Terms,
        visit: &Visit,
        whose: ((TenantId, SessionId), &str),
        why: (SessionEnd, DateTime<Utc>),
    ) -> Result<()> {
        let end = |work: Work| async move { terms.finish(&work, visit, whose, why).await };
        self.feed.announce(self.store.tenant(whose.0.0).within(visit.left()).run(end).await?);
        Ok(())
    }
}

impl Terms {
    /// Ends a session if it goes on, with the access tokens of it, and says what is to be told.
    async fn finish(
        &self,
        work: &Work,
        visit: &Visit,
        ((tenant, id), actor): ((TenantId, SessionId), &str),
        (why, now): (SessionEnd, DateTime<Utc>),
    ) -> Result<Vec<Recorded>> {
        if !work.sessions().end(id, why, now).await? {
            return Ok(Vec::new());
        }
        work.audit().append(&visit.entry(actor, "session.ended", format!("session/{id}"))).await?;
        Ok(vec![revoke(work, (tenant, id), now).await?])
    }
}

/// The caller as a user of ours; other issuers may call theirs anything.
fn user(caller: &Caller) -> Option<UserId> {
    caller.subject.parse().ok()
}
