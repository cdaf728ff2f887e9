//! The job that settles what was begun with the auth service and is not over: it takes intents up that are due, and brings
//! the service in line with the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Users;
use super::account::{OPEN, SETTLING};
use crate::backends::OwnErrand;
use crate::domain::Terms;
use crate::error::Result;
use crate::model::{Intent, IntentKind, TenantId, UserId};
use crate::store::Work;
use crate::tasks::pause;

/// Pause between two rounds; chance adds up to as much again.
const PAUSE: Duration = Duration::from_secs(2);
/// Intents of one round.
const BATCH: u16 = 20;
/// Nobody else takes up what this one has within this time.
const LEASE: Duration = Duration::from_secs(60);

impl Users {
    /// Settles what is due, for as long as the process runs, by the terms that hold at the time.
    pub async fn keep_settled(self, terms: impl Fn() -> Option<Arc<Terms>> + Send) {
        loop {
            pause(PAUSE, PAUSE).await;
            let Some(terms) = terms().filter(|terms| terms.auth().is_some()) else { continue };
            if let Err(error) = self.settle(&terms).await {
                tracing::warn!(%error, "settle accounts with the auth service: tried again later");
            }
        }
    }

    /// Settles what is due, and says how many accounts were settled.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn settle(&self, terms: &Terms) -> Result<usize> {
        let lease = |work: Work| async move { work.intents().lease(IntentKind::Account, BATCH, LEASE).await };
        let due = self.store.platform().run(lease).await?;
        let mut settled = 0;
        for intent in due {
            match self.settle_one(&intent, terms).await {
                Ok(()) => settled += 1,
                Err(error) => {
                    let (tenant, user, attempts) = (intent.tenant, intent.subject, intent.attempts);
                    tracing::warn!(%error, %tenant, %user, attempts, "settle an account: tried again later");
                }
            }
        }
        Ok(settled)
    }

    async fn settle_one(&self, intent: &Intent, terms: &Terms) -> Result<()> {
        let Some(auth) = terms.auth() else { return Ok(()) };
        let (tenant, id) = (intent.tenant, UserId::from(intent.subject));
        // From here on whoever began it finds that it is no longer theirs.
        let take = |work: Work| async move {
            work.intents().turn(IntentKind::Account, id.uuid(), (OPEN, SETTLING), LEASE).await
        };
        self.store.tenant(tenant).run(take).await?;
        let chore = OwnErrand::new();
        let errand = chore.errand(Instant::now() + terms.patience());
        self.carry((tenant, id), (auth, &errand), Some(SETTLING)).await
    }

    /// Leaves to the job at once what nobody is at any more. It has all the time the database gives, since that of the
    /// request may be over. Where it fails, the job comes later.
    pub(super) async fn hasten(&self, (tenant, id): (TenantId, UserId)) {
        let hasten = |work: Work| async move { work.intents().hasten(IntentKind::Account, id.uuid()).await };
        if let Err(error) = self.store.tenant(tenant).run(hasten).await {
            tracing::debug!(%error, user = %id, "leave an account to the job: it comes later");
        }
    }

    /// Ends the intent of something that was certainly not done, in all the time the database gives.
    pub(super) async fn forget(&self, (tenant, id): (TenantId, UserId)) {
        let end = |work: Work| async move { work.intents().end(IntentKind::Account, id.uuid(), OPEN).await };
        if let Err(error) = self.store.tenant(tenant).run(end).await {
            tracing::debug!(%error, user = %id, "forget an account that was not made: the job does it later");
        }
    }
}
