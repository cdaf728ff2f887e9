//! A changed user. What they lose by it ends at once: sessions and tokens with their status, tokens with a role.

use super::account::{account, intent};
use super::create::own;
use super::rules::{differing, leave_somebody, may_become};
use super::{Errands, Users, entry, record, require, take_back};
use crate::error::{Error, Kind, Result};
use crate::identity::Caller;
use crate::model::{
    Expected, Permission, Recorded, SessionEnd, User, UserChange, UserDraft, UserId, UserStatus,
};
use crate::store::Work;

/// What is to come of a user.
struct Wish<'w> {
    caller: &'w Caller,
    id: UserId,
    draft: &'w UserDraft,
    errands: Errands<'w>,
}

/// How far a change came in its first transaction.
enum Step {
    /// It is done, with what was taken back, and whether the auth service is to be told under an intent of ours.
    Done(User, Option<Recorded>, Option<bool>),
    /// The auth service is to be asked first, who calls the tenant so: another account may have the address.
    Ask(String, User),
}

impl Users {
    /// Replaces what is said of a user of an expected version.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; they are of another version; another user has the address;
    /// the tenant would have nobody left who may give roles. The address is changed only with the auth service.
    pub async fn replace(
        &self,
        caller: &Caller,
        (id, expected): (UserId, &Expected),
        draft: &UserDraft,
        errands: Errands<'_>,
    ) -> Result<User> {
        caller.require_any(Permission::UsersUpdate)?;
        let wish = &Wish { caller, id, draft, errands };
        let tenant = self.store.tenant(caller.tenant);
        let first = |work: Work| async move { wish.first(&work, expected).await };
        let (user, recorded, is_told) = match tenant.clone().within(errands.visit.left()).run(first).await? {
            Step::Done(user, recorded, is_told) => (user, recorded, is_told),
            Step::Ask(slug, before) => {
                self.ask(wish, &slug).await?;
                let second = |work: Work| {
                    let before = before.clone();
                    async move { wish.second(&work, before).await }
                };
                let done = tenant.within(errands.visit.left()).run(second).await;
                if done.is_err() {
                    // The service has the new address and the database the old one.
                    self.hasten((caller.tenant, id)).await;
                }
                let (user, recorded) = done?;
                (user, recorded, None)
            }
        };
        self.feed.announce(recorded.into_iter().collect());
        if let Some(is_own) = is_told {
            self.carry_on((caller.tenant, id), is_own, errands).await;
        }
        Ok(user)
    }

    /// Asks the auth service for another address.
    async fn ask(&self, wish: &Wish<'_>, slug: &str) -> Result<()> {
        let Wish { caller, id, draft, errands } = *wish;
        let account = account(slug, (id, &draft.email), &draft.name, &draft.roles);
        let asked = match errands.terms.credentials(errands.visit) {
            Ok((auth, errand)) => auth.keep(&errand, &account, None).await.map(drop),
            Err(error) => Err(error),
        };
        match asked {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused((caller.tenant, id), error).await),
        }
    }
}

impl Wish<'_> {
    async fn first(&self, work: &Work, expected: &Expected) -> Result<Step> {
        let Self { caller, id, draft, errands } = self;
        let before = work.users().lock(*id).await?;
        require(caller, Permission::UsersUpdate, *id)?;
        expected.require("user", before.version)?;
        may_become(caller, &before, draft)?;
        if is_so(&before, draft) {
            return Ok(Step::Done(before, None, None));
        }
        let intent = intent(*id, *errands);
        if before.email.to_lowercase() != draft.email.to_lowercase() {
            if work.users().find(&draft.email).await?.is_some_and(|other| other.id != *id) {
                return Err(Error::new(Kind::Conflict, "email: another user has this address").about("email"));
            }
            leave_somebody(work, caller, &before, (draft.status, &draft.roles)).await?;
            if !work.intents().begin(&intent).await? {
                let message =
                    "an earlier change of this user has not reached the auth service yet; try again later";
                return Err(Error::new(Kind::Unavailable, message));
            }
            return Ok(Step::Ask(work.tenants().get(caller.tenant).await?.slug, before));
        }
        let is_told = match before.name != draft.name || before.roles != draft.roles {
            true => Some(work.intents().begin(&intent).await?),
            false => None,
        };
        let (user, recorded) = self.apply(work, before).await?;
        Ok(Step::Done(user, recorded, is_told))
    }

    /// The change itself, after the auth service has agreed.
    async fn second(&self, work: &Work, before: User) -> Result<(User, Option<Recorded>)> {
        own(work, self.id).await?;
        let current = work.users().lock(self.id).await?;
        if current.version != before.version {
            let message = "the user was changed meanwhile, so that their address was not; try again";
            return Err(Error::new(Kind::Conflict, message));
        }
        self.apply(work, current).await
    }

    async fn apply(&self, work: &Work, before: User) -> Result<(User, Option<Recorded>)> {
        let Self { caller, id, draft, errands } = self;
        leave_somebody(work, caller, &before, (draft.status, &draft.roles)).await?;
        let change = UserChange {
            email: Some(draft.email.clone()),
            name: Some(draft.name.clone()),
            status: Some(draft.status),
        };
        work.users().update(*id, &Expected::OneOf(vec![before.version]), &change).await?;
        let (given, taken) = differing(&before.roles, &draft.roles);
        for role in &given {
            work.users().grant(*id, role, &caller.subject).await?;
        }
        for role in &taken {
            work.users().take(*id, role).await?;
        }
        let user = work.users().get(*id).await?;
        let is_shut_out = draft.status == UserStatus::Suspended && before.status != draft.status;
        if is_shut_out {
            work.sessions().end_others(*id, None, (SessionEnd::Suspended, errands.now)).await?;
        }
        record(work, &user, entry(caller, errands.visit, ("user.updated", *id)), "user.updated").await?;
        let recorded = match is_shut_out || !taken.is_empty() {
            true => Some(take_back(work, caller.tenant, *id).await?),
            false => None,
        };
        Ok((user, recorded))
    }
}

/// Whether a user is as the draft says.
fn is_so(user: &User, draft: &UserDraft) -> bool {
    user.email == draft.email
        && user.name == draft.name
        && user.status == draft.status
        && user.roles == draft.roles
}
