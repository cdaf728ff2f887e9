//! The account of a user at the auth service, which holds the password and follows the database in all else. Before the
//! service is asked an intent is written; it is gone when both sides agree. Until then the job brings the service in
//! line with the database, which takes away an account that became nobody's.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Errands, Users};
use crate::backends::{Account, Auth, Errand};
use crate::error::{Error, Kind, Result};
use crate::model::{IntentKind, NewIntent, TenantId, User, UserId};
use crate::store::Work;

/// Somebody is at it who will end it.
pub(super) const OPEN: &str = "open";
/// The job is at it.
pub(super) const SETTLING: &str = "settling";
/// How much longer than the auth service may take the one who is at it gets.
const SLACK: Duration = Duration::from_secs(30);
/// How often the service is told again because the user was changed meanwhile.
const MOST: usize = 3;

/// A user at a moment, as far as the auth service is concerned.
struct Seen {
    tenant: String,
    user: Option<User>,
}

impl Seen {
    fn version(&self) -> Option<i64> {
        self.user.as_ref().map(|user| user.version)
    }
}

/// The intent of somebody who is about to ask the auth service.
pub(super) fn intent(id: UserId, errands: Errands<'_>) -> NewIntent {
    let due_in = errands.terms.patience() + SLACK;
    NewIntent { kind: IntentKind::Account, subject: id.uuid(), state: OPEN, payload: json!({}), due_in }
}

/// A user as the auth service knows them.
pub(super) fn account(tenant: &str, (id, email): (UserId, &str), name: &str, roles: &[String]) -> Account {
    Account {
        user_id: id,
        tenant: tenant.to_owned(),
        email: email.to_lowercase(),
        name: name.to_owned(),
        roles: roles.iter().map(|role| role.as_str().into()).collect(),
    }
}

impl Users {
    /// Brings the auth service in line with what the database says of a user, and ends the intent that is in this
    /// state, if one is: the caller's own. All of it takes no longer than the errand may.
    ///
    /// # Errors
    /// The auth service or the database does not do its part: the intent stays.
    pub(super) async fn carry(
        &self,
        (tenant, id): (TenantId, UserId),
        (auth, errand): (&Auth, &Errand<'_>),
        state: Option<&'static str>,
    ) -> Result<()> {
        let left = || errand.by.saturating_duration_since(Instant::now());
        let mut seen = self.see((tenant, id), left()).await?;
        for _ in 0..MOST {
            match &seen.user {
                Some(user) => {
                    let account = account(&seen.tenant, (id, &user.email), &user.name, &user.roles);
                    auth.keep(errand, &account, None).await?;
                }
                None => auth.remove(errand, id).await?,
            }
            let told = seen.version();
            seen = self.end_if_unchanged((tenant, id), (told, state), left()).await?;
            if seen.version() == told {
                return Ok(());
            }
        }
        Err(Error::new(Kind::Unavailable, "a user is changed faster than the auth service is told"))
    }

    async fn see(&self, (tenant, id): (TenantId, UserId), left: Duration) -> Result<Seen> {
        let see = |work: Work| async move { seen(&work, tenant, work.users().get(id).await).await };
        self.store.tenant(tenant).within(left).run(see).await
    }

    /// Ends an intent where the user is still of the version that the service was told of, and says how they are. They are
    /// locked: whoever changed them meanwhile would find the intent, rely on it, and see it end with nothing told.
    async fn end_if_unchanged(
        &self,
        (tenant, id): (TenantId, UserId),
        (told, state): (Option<i64>, Option<&'static str>),
        left: Duration,
    ) -> Result<Seen> {
        let end = |work: Work| async move {
            let seen = seen(&work, tenant, work.users().lock(id).await).await?;
            if let (true, Some(state)) = (seen.version() == told, state) {
                work.intents().end(IntentKind::Account, id.uuid(), state).await?;
            }
            Ok(seen)
        };
        self.store.tenant(tenant).within(left).run(end).await
    }

    /// Tells the auth service of a change that is committed. What fails is left to the job.
    pub(super) async fn carry_on(&self, whose: (TenantId, UserId), is_own: bool, errands: Errands<'_>) {
        let told = match errands.terms.credentials(errands.visit) {
            Ok((auth, errand)) => self.carry(whose, (auth, &errand), is_own.then_some(OPEN)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            let (user, tenant) = (whose.1, whose.0);
            tracing::warn!(%error, %user, %tenant, "tell the auth service of a changed user: tried again later");
        }
    }
}

async fn seen(work: &Work, tenant: TenantId, found: Result<User>) -> Result<Seen> {
    let user = match found {
        Ok(user) => Some(user),
        Err(error) if error.kind() == Kind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(Seen { tenant: work.tenants().get(tenant).await?.slug, user })
}
