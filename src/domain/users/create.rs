//! A new user. The auth service is asked between two transactions: the first writes the intent, the second makes the user
//! and ends it. Whatever comes between leaves an intent without a user, and the job takes the account away.

use super::account::{OPEN, account, intent};
use super::rules::may_give;
use super::{Errands, Users, entry, record};
use crate::config::Secret;
use crate::domain::Once;
use crate::error::{Error, Kind, Result};
use crate::identity::Caller;
use crate::model::{IntentKind, NewUser, Permission, TenantId, User, UserDraft, UserId};
use crate::store::Work;

impl Users {
    /// A new user, who is active and may log in with this password. It is not kept here.
    ///
    /// # Errors
    /// They may not, or not give these roles; another user has the address; the auth service or the database does not
    /// answer: then nothing of it stays.
    pub async fn create(
        &self,
        caller: &Caller,
        (draft, password): (&UserDraft, &Secret),
        errands: Errands<'_>,
        once: &Once<User>,
    ) -> Result<User> {
        caller.require(Permission::UsersCreate)?;
        may_give(caller, &draft.roles)?;
        let (auth, errand) = errands.terms.credentials(errands.visit)?;
        let id = UserId::new();
        let tenant = self.begin(caller, (id, draft), errands).await?;
        let account = account(&tenant, (id, &draft.email), &draft.name, &draft.roles);
        if let Err(error) = auth.keep(&errand, &account, Some(password)).await {
            return Err(self.refused((caller.tenant, id), error).await);
        }
        match self.finish(caller, (id, draft), errands, once).await {
            Ok(user) => Ok(user),
            Err(error) => {
                // The account is there and the user is not, unless nobody knows: the job finds out.
                self.hasten((caller.tenant, id)).await;
                Err(error)
            }
        }
    }

    /// Writes what is going to be asked, and says what the auth service calls the tenant.
    async fn begin(
        &self,
        caller: &Caller,
        (id, draft): (UserId, &UserDraft),
        errands: Errands<'_>,
    ) -> Result<String> {
        let new = &intent(id, errands);
        let begin = |work: Work| async move {
            let tenant = work.tenants().get(caller.tenant).await?.slug;
            if work.users().find(&draft.email).await?.is_some() {
                return Err(taken());
            }
            work.intents().begin(new).await?;
            Ok(tenant)
        };
        self.store.tenant(caller.tenant).within(errands.visit.left()).run(begin).await
    }

    async fn finish(
        &self,
        caller: &Caller,
        (id, draft): (UserId, &UserDraft),
        Errands { visit, .. }: Errands<'_>,
        once: &Once<User>,
    ) -> Result<User> {
        let new = &NewUser { id, email: draft.email.clone(), name: draft.name.clone() };
        let entry = &entry(caller, visit, ("user.created", id));
        let finish = |work: Work| async move {
            own(&work, id).await?;
            work.users().create(new).await?;
            for role in &draft.roles {
                work.users().grant(id, role, &caller.subject).await?;
            }
            let user = work.users().get(id).await?;
            record(&work, &user, entry.clone(), "user.created").await?;
            once.settle(&work, &user).await?;
            Ok(user)
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(finish).await
    }

    /// What a caller is told of a refusal of the auth service. One that is certain leaves nothing to settle.
    pub(super) async fn refused(&self, whose: (TenantId, UserId), error: Error) -> Error {
        match error.kind() {
            Kind::Conflict => {
                self.forget(whose).await;
                taken().caused_by(error)
            }
            Kind::Invalid => {
                self.forget(whose).await;
                Error::new(Kind::Invalid, "the auth service does not take this account as it is")
                    .caused_by(error)
            }
            Kind::Unavailable => {
                self.hasten(whose).await;
                unanswered(error)
            }
            // It may still act on what it was asked, so the job waits for a while.
            Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::TooLarge
            | Kind::HeadTooLarge
            | Kind::Unauthenticated
            | Kind::Forbidden
            | Kind::RateLimited
            | Kind::Outdated
            | Kind::BadGateway
            | Kind::GatewayTimeout
            | Kind::ClientTimeout
            | Kind::Internal => unanswered(error),
        }
    }
}

/// Takes the intent away that was written before the auth service was asked.
///
/// # Errors
/// It took so long that the job is undoing it.
pub(super) async fn own(work: &Work, id: UserId) -> Result<()> {
    if work.intents().end(IntentKind::Account, id.uuid(), OPEN).await? {
        return Ok(());
    }
    Err(Error::new(Kind::Unavailable, "this took so long that it is being undone; try again"))
}

fn taken() -> Error {
    let message = "email: another user has this address, or had it a moment ago";
    Error::new(Kind::Conflict, message).about("email")
}

fn unanswered(error: Error) -> Error {
    let message = "the auth service does not answer, so nothing was changed; try again later";
    Error::new(Kind::Unavailable, message).caused_by(error)
}
