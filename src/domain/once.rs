//! What is done once, however often it is asked for. A claim on the request's key is committed before anything is done;
//! the answer is kept in the transaction of the effect, and only while the claim holds. So neither a crash nor a rival
//! can repeat an effect or lose its answer. What was begun is finished although its client leaves.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::{Error, Kind, Result};
use crate::model::{Claim, OnceKey, StoredAnswer};
use crate::store::{Store, Work};
use crate::tasks::{Lifecycle, pause};
use crate::telemetry::Span;

/// So long after the end of its time a request counts as left behind, and who sends it again may do it. What was begun
/// is finished although its client was told that time is over: that takes a transaction or two.
const SLACK: Duration = Duration::from_secs(10);
/// Pause between two rounds of clearing; chance adds up to as much again.
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// Rows of one transaction.
const BATCH: u16 = 500;

/// How what was made is told to whoever asked for it.
pub type Render<T> = Arc<dyn Fn(&T) -> Result<StoredAnswer> + Send + Sync>;

/// What is done once. A cheap handle.
#[derive(Debug, Clone)]
pub struct Onces {
    store: Store,
    lifecycle: Lifecycle,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was done now.
    Done(T),
    /// It was done before, and is answered as it was then.
    Repeated(StoredAnswer),
    /// It is being done.
    InProgress,
    /// Its key belongs to another request.
    Mismatch,
}

/// A claim that whoever acts keeps the answer under.
#[derive(Clone)]
pub struct Once<T>(Option<Claimed<T>>);

#[derive(Clone)]
struct Claimed<T> {
    key: OnceKey,
    id: Uuid,
    render: Render<T>,
}

impl<T> Once<T> {
    /// Of a request without a key: nobody can ask for its answer again.
    pub fn unkeyed() -> Self {
        Self(None)
    }

    /// The key of the client's own, if it sent one.
    pub fn key(&self) -> Option<&str> {
        self.0.as_ref().map(|claimed| claimed.key.key.as_str())
    }

    /// Keeps the answer in the transaction of its effect. To be called in it once, before its end.
    ///
    /// # Errors
    /// The claim was taken over, and so nothing may come of this transaction; the database fails.
    pub async fn settle(&self, work: &Work, made: &T) -> Result<()> {
        let Some(Claimed { key, id, render }) = &self.0 else { return Ok(()) };
        if work.idempotency().settle(key, *id, &render(made)?).await? {
            return Ok(());
        }
        let message = "the request took so long that another one with its key took its place";
        Err(Error::new(Kind::Conflict, message).coded("idempotency_in_progress"))
    }
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.0.as_ref().map(|claimed| claimed.id)).finish()
    }
}

impl Onces {
    /// Claims in this database; what was begun runs in this process until it is over.
    pub fn new(store: Store, lifecycle: Lifecycle) -> Self {
        Self { store, lifecycle }
    }

    /// Acts, unless it was done before under the key or somebody is at it. Of a failure nothing is kept: who asks again
    /// may try again. The first time is what the request has left, answers are kept for the second.
    ///
    /// # Errors
    /// Those of the act; the database does not answer.
    pub async fn run<T, F, Fut>(
        &self,
        wanted: Option<OnceKey>,
        (left, kept): (Duration, Duration),
        render: Render<T>,
        act: F,
    ) -> Result<Outcome<T>>
    where
        T: Send + 'static,
        F: FnOnce(Once<T>) -> Fut,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let Some(key) = wanted else {
            return self.finish(Box::pin(act(Once::unkeyed()))).await.map(Outcome::Done);
        };
        let (id, wanted, lease) = (Uuid::now_v7(), &key, left + SLACK);
        let times = (lease, kept.max(lease));
        let claim = |work: Work| async move { work.idempotency().claim(wanted, id, times).await };
        match self.store.tenant(key.tenant).within(left).run(claim).await? {
            Claim::Ours => {}
            Claim::Answered(answer) => return Ok(Outcome::Repeated(answer)),
            Claim::InProgress => return Ok(Outcome::InProgress),
            Claim::Mismatch => return Ok(Outcome::Mismatch),
        }
        // What is spawned is on the heap in any case.
        let acting = Box::pin(act(Once(Some(Claimed { key: key.clone(), id, render }))));
        let store = self.store.clone();
        let whole = async move {
            let done = acting.await;
            if done.is_err() {
                release(&store, (&key, id)).await;
            }
            done
        };
        self.finish(whole).await.map(Outcome::Done)
    }

    /// Runs it to its end, even if whoever waits for it leaves.
    async fn finish<T: Send + 'static>(
        &self,
        whole: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let running = Span::current().run(async move {
            // Whoever asked may have left.
            drop(sender.send(whole.await));
        });
        self.lifecycle.spawn("finish a request", running);
        let lost = |_| Error::internal("finish a request: its task ended before");
        receiver.await.map_err(lost)?
    }

    /// Forgets keys that expired, for as long as the process runs.
    pub async fn keep_clear(self) {
        loop {
            pause(PAUSE, PAUSE).await;
            match self.clear().await {
                Ok(0) => {}
                Ok(keys) => tracing::info!(keys, "forgot idempotency keys that expired"),
                Err(error) => tracing::warn!(%error, "forget idempotency keys: tried again later"),
            }
        }
    }

    /// Forgets the keys that expired, and says how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn clear(&self) -> Result<usize> {
        let mut all = 0;
        loop {
            let clear = |work: Work| async move { work.idempotency().clear(Utc::now(), BATCH).await };
            let cleared = self.store.platform().run(clear).await?;
            all += cleared;
            if cleared < usize::from(BATCH) {
                return Ok(all);
            }
        }
    }
}

/// Gives a claim back. Where that fails it ends by itself.
async fn release(store: &Store, (key, id): (&OnceKey, Uuid)) {
    let release = |work: Work| async move { work.idempotency().release(key, id).await };
    if let Err(error) = store.tenant(key.tenant).run(release).await {
        tracing::warn!(%error, "give an idempotency key back: it ends by itself");
    }
}
