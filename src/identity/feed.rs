//! What is taken back anywhere reaches every instance: it is written to Postgres first, then pushed through Redis, and
//! every instance asks Postgres as well, once a second while pushes are heard, more often while they are not. On its
//! way come the tenants that are suspended or have limits of their own.
//!
//! Each instance sends itself a beat through Redis. One that is heard proves that all that was pushed before it was
//! heard too, so that the set is as fresh as the beat even while Postgres is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::revocations::Revocations;
use crate::error::Result;
use crate::model::{Recorded, TenantStanding, TenantStatus};
use crate::redis::{Push, Redis};
use crate::store::{Store, Work};
use crate::tasks::Lifecycle;
use crate::telemetry::RevocationMetrics;

/// Between two questions to Postgres while pushes are heard: they are then only for what a push did not reach.
const CALM: Duration = Duration::from_secs(1);
/// The same without Redis.
const ALONE: Duration = Duration::from_millis(250);
/// Between two beats, and how old the last may be while pushes count as heard.
const BEAT: Duration = Duration::from_millis(250);
const SILENCE: i64 = 750;
/// Between two looks for what has expired.
const CLEARING: Duration = Duration::from_secs(60);
/// Rows asked for, or deleted, at once.
const BATCH: i64 = 1_000;

const REVOKED: &str = "revoked";
const TENANTS: &str = "tenants";

/// A cheap handle: tells others, and hears of them once [started](Self::start).
#[derive(Debug, Clone)]
pub struct Feed(Arc<Inner>);

/// Where things come from and go to.
#[derive(Debug)]
pub struct Sources {
    /// Where they are written first.
    pub store: Store,
    /// What pushes them.
    pub redis: Option<Redis>,
    /// What hears of them.
    pub revocations: Arc<Revocations>,
    /// What runs beside requests.
    pub lifecycle: Lifecycle,
    /// What is counted.
    pub metrics: RevocationMetrics,
}

#[derive(Debug)]
struct Inner {
    sources: Sources,
    /// The channel of this instance's beats.
    beats: String,
    /// When the last beat that came back was sent, in Unix milliseconds.
    heard: AtomicI64,
    /// How often pushes may have been missed, and how often of these Postgres was asked since.
    gaps: AtomicU64,
    mended: AtomicU64,
    /// Asks Postgres now.
    wake: Notify,
    is_filled: watch::Sender<bool>,
    /// What is known of tenants. Empty at first.
    standings: watch::Sender<Arc<[TenantStanding]>>,
}

impl Feed {
    /// A feed that hears nothing yet.
    pub fn new(sources: Sources) -> Self {
        sources.revocations.await_others();
        Self(Arc::new(Inner {
            sources,
            beats: format!("beat:{:016x}", fastrand::u64(..)),
            heard: AtomicI64::new(0),
            gaps: AtomicU64::new(0),
            mended: AtomicU64::new(0),
            wake: Notify::new(),
            is_filled: watch::Sender::new(false),
            standings: watch::Sender::new([].into()),
        }))
    }

    /// Begins to hear of others, for as long as the process runs. Tenants' standings are told to `adopt`, at first and
    /// whenever they change.
    ///
    /// # Errors
    /// No subscription to Redis can be made.
    pub fn start(&self, adopt: impl Fn(&[TenantStanding]) + Send + 'static) -> Result<()> {
        let sources = &self.0.sources;
        if let Some(redis) = &sources.redis {
            let feed = self.clone();
            redis.subscribe(&[REVOKED, TENANTS, &self.0.beats], move |push| feed.hear(push))?;
            sources.lifecycle.spawn("beat", self.clone().beat(redis.clone()));
        }
        let mut standings = self.0.standings.subscribe();
        sources.lifecycle.spawn("tenants' standings", async move {
            while standings.changed().await.is_ok() {
                let now = standings.borrow_and_update().clone();
                adopt(&now);
            }
        });
        sources.lifecycle.spawn("revocations", self.clone().follow());
        sources.lifecycle.spawn("clear revocations", self.clone().clear());
        Ok(())
    }

    /// Waits until everything in force was read, at most this long; true if it was.
    pub async fn is_filled_within(&self, limit: Duration) -> bool {
        let mut filled = self.0.is_filled.subscribe();
        // The sender is ours and lives as long as this.
        timeout(limit, filled.wait_for(|is_filled| *is_filled)).await.is_ok()
    }

    /// Tells all instances, this one at once, of what was written and committed. Who missed it finds it in Postgres
    /// within a second.
    pub fn announce(&self, revocations: Vec<Recorded>) {
        self.keep(&revocations);
        let Some(redis) = self.0.sources.redis.clone() else { return };
        // On its own: it goes on when the client leaves who asked for it.
        self.0.sources.lifecycle.spawn("push revocations", async move {
            for recorded in revocations {
                // An id, two dates and a name cannot fail to serialise.
                let message = serde_json::to_string(&recorded).unwrap_or_default();
                push(&redis, REVOKED, &message).await;
            }
        });
    }

    /// Tells all instances that a tenant's status or limits were changed, and the change committed.
    pub fn announce_tenants(&self) {
        self.0.wake.notify_one();
        let Some(redis) = self.0.sources.redis.clone() else { return };
        self.0.sources.lifecycle.spawn("push tenants", async move { push(&redis, TENANTS, "").await });
    }

    // ---- Redis.

    fn hear(&self, push: Push) {
        let Push::Message { channel, text } = push else {
            self.0.gaps.fetch_add(1, Ordering::AcqRel);
            return self.0.wake.notify_one();
        };
        match (channel.as_str(), serde_json::from_str::<Recorded>(&text), text.parse::<i64>()) {
            (REVOKED, Ok(recorded), _) => {
                self.0.sources.metrics.pushed(1);
                self.keep(&[recorded]);
            }
            (REVOKED | TENANTS, ..) => self.0.wake.notify_one(),
            (beats, _, Ok(sent)) if beats == self.0.beats => self.hear_beat(sent),
            (..) => {}
        }
    }

    fn hear_beat(&self, sent: i64) {
        self.0.heard.store(sent, Ordering::Release);
        if !self.has_gap()
            && let Some(time) = DateTime::from_timestamp_millis(sent)
        {
            self.confirm(time);
        }
    }

    async fn beat(self, redis: Redis) {
        loop {
            let now = Utc::now().timestamp_millis().to_string();
            // What became of it is seen by whether it is heard.
            let _ = redis.publish(&self.0.beats, &now).await;
            sleep(BEAT).await;
        }
    }

    fn has_gap(&self) -> bool {
        self.0.gaps.load(Ordering::Acquire) != self.0.mended.load(Ordering::Acquire)
    }

    fn hears_pushes(&self) -> bool {
        let age = Utc::now().timestamp_millis() - self.0.heard.load(Ordering::Acquire);
        !self.has_gap() && age <= SILENCE
    }

    // ---- Postgres.

    async fn follow(self) {
        let (mut last, mut had_trouble) = (0, false);
        loop {
            match self.poll(&mut last).await {
                Ok(count) => {
                    self.0.sources.metrics.polled(Some(count));
                    if std::mem::take(&mut had_trouble) {
                        tracing::info!("revocations are read again");
                    }
                }
                Err(error) => {
                    self.0.sources.metrics.polled(None);
                    if !std::mem::replace(&mut had_trouble, true) {
                        tracing::warn!(%error, "read revocations: those known stay in force");
                    }
                }
            }
            let pause = if self.hears_pushes() { CALM } else { ALONE };
            tokio::select! {
                () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 4.0)) => {}
                () = self.0.wake.notified() => {}
            }
        }
    }

    /// Reads all that is later than `last`, and how tenants stand.
    async fn poll(&self, last: &mut i64) -> Result<u64> {
        let (began, gaps) = (Utc::now(), self.0.gaps.load(Ordering::Acquire));
        let platform = self.0.sources.store.platform();
        let mut count = 0;
        loop {
            let seen = *last;
            let read = move |work: Work| async move { work.revocations().after(seen, BATCH).await };
            let batch = platform.run(read).await?;
            self.keep(&batch);
            *last = batch.last().map_or(seen, |recorded| recorded.id);
            count += batch.len() as u64;
            if (batch.len() as i64) < BATCH {
                break;
            }
        }
        let apart = platform.run(async |work| work.tenants().apart().await).await?;
        self.adopt(apart);
        self.0.mended.fetch_max(gaps, Ordering::AcqRel);
        self.confirm(began);
        self.0.is_filled.send_replace(true);
        Ok(count)
    }

    fn adopt(&self, standings: Vec<TenantStanding>) {
        let suspended = standings.iter().filter(|it| it.status == TenantStatus::Suspended);
        self.0.sources.revocations.suspend(suspended.map(|it| it.id).collect());
        self.0.standings.send_if_modified(|before| {
            let is_news = **before != *standings;
            if is_news {
                *before = standings.into();
            }
            is_news
        });
    }

    async fn clear(self) {
        let (platform, revocations) = (self.0.sources.store.platform(), &self.0.sources.revocations);
        loop {
            sleep(CLEARING.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            revocations.prune(Utc::now());
            self.0.sources.metrics.size(revocations.size());
            match platform.run(async |work| work.revocations().clear(BATCH).await).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "revocations that expired were deleted"),
                Err(error) => tracing::debug!(%error, "delete revocations that expired"),
            }
        }
    }

    // ---- In this instance.

    fn keep(&self, recorded: &[Recorded]) {
        let (revocations, now) = (&self.0.sources.revocations, Utc::now());
        for it in recorded {
            if let Err(error) = revocations.add(it.what.clone(), it.until, now) {
                tracing::error!(%error, kind = it.what.kind(), "keep a revocation in mind");
            }
        }
        self.0.sources.metrics.size(revocations.size());
    }

    fn confirm(&self, until: DateTime<Utc>) {
        self.0.sources.revocations.confirm(until);
        self.0.sources.metrics.confirmed(until.timestamp());
    }
}

async fn push(redis: &Redis, channel: &str, message: &str) {
    if let Err(error) = redis.publish(channel, message).await {
        tracing::debug!(%error, channel, "push to other instances: they will find it in Postgres");
    }
}
