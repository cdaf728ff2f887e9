//! The job that settles what was left: by a crash, by a request that had to leave, by a backend that did not answer.
//! Every instance does it; an intent is leased to one at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::confirm::{ACTION, KEY, keyed};
use super::{COMMITTING, KIND, Orders, RELEASING, RESERVING, order_of, subject};
use crate::backends::OwnErrand;
use crate::domain::{Once, Terms};
use crate::error::{Error, Kind, Result};
use crate::model::{Intent, NewAuditEntry};
use crate::store::Work;
use crate::tasks::pause;

/// Pause between two looks where nobody says that something was left; chance adds up to half as much again.
const PAUSE: Duration = Duration::from_secs(2);
/// Intents of one look.
const BATCH: u16 = 16;
/// For how long nobody else takes an intent up. Longer than it takes.
const LEASE: Duration = Duration::from_secs(60);
/// The longest that one is worked at.
const LIMIT: Duration = Duration::from_secs(45);

impl Orders {
    /// Settles what was left, for as long as the process runs, by the terms that hold at the time.
    pub async fn keep_settled(self, terms: impl Fn() -> Option<Arc<Terms>> + Send) {
        loop {
            tokio::select! {
                () = self.left.notified() => {}
                () = pause(PAUSE, PAUSE / 2) => {}
            }
            let Some(terms) = terms().filter(|terms| terms.stock.commerce().is_some()) else { continue };
            if let Err(error) = self.settle(&terms).await {
                tracing::debug!(%error, "look for what was left of orders: tried again later");
            }
        }
    }

    /// Settles what is due, and says how much that was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn settle(&self, terms: &Terms) -> Result<usize> {
        let mut all = 0;
        loop {
            let lease = |work: Work| async move { work.intents().lease(KIND, BATCH, LEASE).await };
            let due = self.store.platform().run(lease).await?;
            join_all(due.iter().map(|intent| self.one(terms, intent))).await;
            all += due.len();
            if due.len() < usize::from(BATCH) {
                return Ok(all);
            }
        }
    }

    async fn one(&self, terms: &Terms, intent: &Intent) {
        let order = order_of(intent);
        let done = match timeout(LIMIT, self.go_on(terms, intent)).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(Kind::GatewayTimeout, "it took too long")),
        };
        let (state, attempts) = (&intent.state, intent.attempts);
        match done {
            Ok(()) => tracing::info!(%order, state, attempts, "settled what was left of an order"),
            Err(error) => {
                tracing::warn!(%error, %order, state, attempts, "settle what was left of an order: tried again later");
            }
        }
    }

    async fn go_on(&self, terms: &Terms, intent: &Intent) -> Result<()> {
        match intent.state.as_str() {
            // Whoever was reserving has died: had the order been committed, this would be gone.
            RESERVING => {
                let (id, states) = (intent.subject, (RESERVING, RELEASING));
                let turn = |work: Work| async move { work.intents().turn(KIND, id, states, LEASE).await };
                match self.store.tenant(intent.tenant).run(turn).await? {
                    true => self.give_back(terms, intent).await,
                    false => Ok(()),
                }
            }
            RELEASING => self.give_back(terms, intent).await,
            COMMITTING => self.roll_forward(terms, intent).await,
            unknown => Err(Error::internal(format!("an order's intent is in the unknown state `{unknown}`"))),
        }
    }

    async fn give_back(&self, terms: &Terms, intent: &Intent) -> Result<()> {
        let own = OwnErrand::new();
        terms.stock.release(&own.errand(terms.stock.until(None)), order_of(intent)).await?;
        let id = intent.subject;
        let end = |work: Work| async move { work.intents().end(KIND, id, RELEASING).await };
        self.store.tenant(intent.tenant).run(end).await.map(drop)
    }

    async fn roll_forward(&self, terms: &Terms, intent: &Intent) -> Result<()> {
        let (own, which) = (OwnErrand::new(), (intent.tenant, order_of(intent)));
        let items = self.items_of(which).await?;
        match terms.stock.let_go(&own.errand(terms.stock.until(None)), which.1, &items).await {
            Ok(()) => {}
            // The stock is gone: the order is pending as before, and whoever asks again is told.
            Err(error) if error.kind() == Kind::Conflict => return self.give_up(which).await,
            Err(error) => return Err(error),
        }
        let actor = intent.payload.get("actor").and_then(|actor| actor.as_str()).unwrap_or("job");
        let entry = NewAuditEntry {
            actor: actor.to_owned(),
            action: ACTION.to_owned(),
            subject: subject(which.1),
            details: keyed(intent.payload.get(KEY).and_then(|key| key.as_str())),
            request_id: own.id().to_owned(),
            ..NewAuditEntry::default()
        };
        self.confirmed(which, entry, &Once::unkeyed()).await.map(drop)
    }
}
