//! A refresh: one token is given for a new pair. Whoever comes with a used one ends the session, unless it is the same
//! device a moment later, which is given the same pair again.

use chrono::{DateTime, Utc};

use super::attempts::attempt;
use super::login::{known, missing};
use super::refused::Refused;
use super::revoke::revoke;
use super::rotation::{Rotation, decide};
use super::{Guest, Holder, Pair, Sessions, Terms};
use crate::domain::Visit;
use crate::error::Result;
use crate::identity::{RefreshToken, Successor};
use crate::model::{Recorded, RefreshOwner, RefreshRecord, Session, SessionEnd};
use crate::store::Work;

/// A token that is shown, and all that the answer depends on.
struct Shown<'r> {
    terms: &'r Terms,
    visit: &'r Visit,
    owner: RefreshOwner,
    hash: [u8; 32],
    successors: Vec<Successor>,
    now: DateTime<Utc>,
}

/// What came of it.
enum Outcome {
    /// A pair, made at that moment.
    Given(Guest, Successor, DateTime<Utc>),
    /// Somebody stole a token: the session ended.
    Ended(Recorded),
    Refused,
}

impl Sessions {
    /// Gives a new pair for a refresh token.
    ///
    /// # Errors
    /// The token is not good, for whatever reason. They tried too often. The database does not answer.
    pub async fn refresh(
        &self,
        terms: &Terms,
        visit: &Visit,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Pair, Refused> {
        let client = visit.origin.client;
        attempt(&self.limiter, &terms.attempts.refresh_address, (client, None)).await?;
        let token = RefreshToken::parse(token).ok_or(Refused::Unknown)?;
        let owner = self.owner(&token, visit).await?.ok_or(Refused::Unknown)?;
        let account = owner.user.to_string();
        let account = Some((owner.tenant, account.as_str()));
        attempt(&self.limiter, &terms.attempts.refresh_account, (client, account)).await?;
        let successors = terms.identity.successors(&token)?;
        let shown = &Shown { terms, visit, owner, hash: token.digest(), successors, now };
        let outcome =
            self.store.tenant(owner.tenant).within(visit.left()).run(|work| shown.rotate(work)).await?;
        match outcome {
            Outcome::Given(guest, next, made) => {
                let holder = Holder { tenant: owner.tenant, guest, session: owner.session };
                Ok(terms.pair(holder, (next.refresh, next.access), made)?)
            }
            Outcome::Ended(recorded) => {
                tracing::warn!(session = %owner.session, "a refresh token was used twice: its session ended");
                self.feed.announce(vec![recorded]);
                Err(Refused::Unknown)
            }
            Outcome::Refused => Err(Refused::Unknown),
        }
    }

    /// Whose a token is.
    pub(super) async fn owner(&self, token: &RefreshToken, visit: &Visit) -> Result<Option<RefreshOwner>> {
        let hash = &token.digest();
        let find = |work: Work| async move { work.refresh_tokens().owner(hash).await };
        self.store.platform().within(visit.left()).run(find).await
    }
}

impl Shown<'_> {
    async fn rotate(&self, work: Work) -> Result<Outcome> {
        // Whoever else shows a token of this session waits here, and then sees what was done.
        let session = match work.sessions().lock(self.owner.session).await {
            Ok(session) => session,
            Err(error) => return missing::<()>(error).map(|_| Outcome::Refused),
        };
        let Some(token) = work.refresh_tokens().find(&self.hash).await? else { return Ok(Outcome::Refused) };
        let guest = known(&work, self.owner.tenant, session.user).await?;
        let rotation = decide((&token, &session), &self.visit.device(), (self.now, self.terms.grace));
        match (rotation, guest) {
            (Rotation::Reuse, _) => self.end(&work, &token, &session).await,
            (Rotation::Refuse, _) | (_, None) => Ok(Outcome::Refused),
            (Rotation::Rotate, Some(guest)) => self.follow(&work, &token, guest).await,
            (Rotation::Repeat, Some(guest)) => self.repeat(&work, &token, guest).await,
        }
    }

    /// Keeps the token that follows.
    async fn follow(&self, work: &Work, token: &RefreshRecord, guest: Guest) -> Result<Outcome> {
        let Some(next) = self.successors.first() else { return Ok(Outcome::Refused) };
        let expires_at = self.now + self.terms.refresh_ttl;
        work.refresh_tokens().use_up(&self.hash, self.now).await?;
        let successor = RefreshRecord {
            hash: next.refresh.digest(),
            generation: token.generation + 1,
            created_at: self.now,
            expires_at,
            used_at: None,
            ..token.clone()
        };
        work.refresh_tokens().add(&successor).await?;
        work.sessions().see(token.session, &self.visit.device(), (self.now, expires_at)).await?;
        self.record(work, &guest.user.id.to_string(), "session.refreshed").await?;
        Ok(Outcome::Given(guest, next.clone(), self.now))
    }

    /// Finds the token that followed, which only who shows the one before can derive.
    async fn repeat(&self, work: &Work, token: &RefreshRecord, guest: Guest) -> Result<Outcome> {
        for next in &self.successors {
            let kept = work.refresh_tokens().find(&next.refresh.digest()).await?;
            if let Some(kept) = kept.filter(|kept| kept.family == token.family) {
                return Ok(Outcome::Given(guest, next.clone(), kept.created_at));
            }
        }
        Ok(Outcome::Refused)
    }

    /// Nobody can tell the thief from the user, so neither goes on.
    async fn end(&self, work: &Work, token: &RefreshRecord, session: &Session) -> Result<Outcome> {
        work.refresh_tokens().revoke(token.family, self.now).await?;
        work.sessions().end(session.id, SessionEnd::Reuse, self.now).await?;
        self.record(work, &session.user.to_string(), "session.reuse_detected").await?;
        let recorded = revoke(work, (self.owner.tenant, session.id), self.now).await?;
        Ok(Outcome::Ended(recorded))
    }

    async fn record(&self, work: &Work, actor: &str, action: &str) -> Result<()> {
        let entry = self.visit.entry(actor, action, format!("session/{}", self.owner.session));
        work.audit().append(&entry).await
    }
}
