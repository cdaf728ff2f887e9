//! Whose data a transaction sees, and how it is run: begun within the acquire timeout, all of it within its time,
//! repeated where Postgres asks for that, committed or undone.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::work::Work;
use super::{Store, failure, trace};
use crate::error::{Error, Kind, Result};
use crate::model::TenantId;
use crate::telemetry::Span;

/// How often work is repeated that fell victim to a deadlock or a conflict of serialisation.
const MOST_REPEATS: u32 = 3;

/// Whose data it is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    Tenant(TenantId),
    Platform,
    /// What the platform does with one tenant.
    Both(TenantId),
}

/// The database as one tenant may see it, or as the platform may.
#[derive(Debug, Clone)]
#[must_use]
pub struct Scope {
    store: Store,
    whose: Whose,
    limit: Duration,
}

impl Scope {
    pub(super) fn tenant(store: Store, tenant: TenantId) -> Self {
        Self { limit: store.0.statement_timeout, store, whose: Whose::Tenant(tenant) }
    }

    pub(super) fn platform(store: Store) -> Self {
        Self { limit: store.0.statement_timeout, store, whose: Whose::Platform }
    }

    pub(super) fn both(store: Store, tenant: TenantId) -> Self {
        Self { limit: store.0.statement_timeout, store, whose: Whose::Both(tenant) }
    }

    /// For a caller that has less time than `postgres.statement_timeout` gives.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = self.limit.min(limit);
        self
    }

    /// Does the work in a transaction: committed when it succeeds, undone when it fails. It is repeated, a few times
    /// at most and within its time, when Postgres could not serialise it; so it must change nothing but the database.
    /// When the future is dropped, what runs is cancelled and nothing is committed, but for a commit under way.
    ///
    /// # Errors
    /// Those of the work; Unavailable, within the acquire timeout where the server gives no transaction.
    pub async fn run<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: Fn(Work) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let span = Span::current().step("transaction");
        // Boxed: what callers make of it would be too deep to lay out otherwise.
        let done = span.clone().run(Box::pin(self.repeat(work))).await;
        if let Err(error) = &done {
            trace::fail(&span, error);
        }
        done
    }

    async fn repeat<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: Fn(Work) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let deadline = Instant::now() + self.limit;
        for repeat in 0.. {
            let begun = self.begin(deadline).await?;
            let done = match work(begun.clone()).await {
                Ok(value) => begun.commit().await.map(|()| value),
                Err(error) => {
                    begun.undo().await;
                    Err(error)
                }
            };
            match done {
                Err(error) if failure::may_be_repeated(&error) && repeat < MOST_REPEATS => {
                    self.store.0.metrics.repeated();
                    sleep(Duration::from_millis(fastrand::u64(1..10 << repeat))).await;
                }
                done => return done,
            }
        }
        unreachable!("the last repeat returns")
    }

    /// A transaction that is about to begin, on a connection of its own.
    async fn begin(&self, deadline: Instant) -> Result<Work> {
        let now = Instant::now();
        if deadline <= now {
            let message = "the time of the request was over before its transaction began";
            return Err(Error::new(Kind::Unavailable, message));
        }
        let begin_by = deadline.min(now + self.store.0.acquire_timeout);
        // On its own, since it is here that requests wait for one another.
        let acquiring = Span::current().step("acquire");
        match timeout_at(begin_by, acquiring.run(self.store.connection())).await {
            Ok(connection) => Ok(Work::new(&self.store, connection?, self.whose, (begin_by, deadline))),
            Err(_) => Err(self.store.late(begin_by < deadline)),
        }
    }
}

impl Store {
    /// No transaction began in time. Who had less time than the acquire timeout has learned nothing of the server.
    pub(super) fn late(&self, was_patient: bool) -> Error {
        if was_patient {
            self.0.state.suspect();
        }
        let limit = self.0.acquire_timeout;
        let message = match was_patient {
            true => format!("the database is not available: no transaction began within {limit:?}"),
            false => {
                "the database is not available: no transaction began in the time of the request".to_owned()
            }
        };
        Error::new(Kind::Unavailable, message)
    }
}
