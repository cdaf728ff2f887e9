//! What is read often is kept in memory: bounded by bytes and by time, under keys that carry the tenant, given up on
//! every instance once a change of it is committed. It decides nothing about who may see what: whoever asks it has
//! asked that before. It knows neither what is kept nor where it comes from.
//!
//! A thing is found only under the generation of its tenant and noun that it was looked for in. A change begins another
//! generation, so what was loaded before a change is never found after it, however late the load ends. Where instances
//! share Redis, each hears of the others' changes; one that does not know that it hears them reads past its cache.

mod entries;
mod generations;
mod relay;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use self::entries::Entries;
use self::generations::Generations;
use self::relay::{Heard, Relay};
use crate::config;
use crate::error::Result;
use crate::model::{Change, Noun, TenantId};
use crate::redis::{Push, Redis};
use crate::tasks::Lifecycle;
use crate::telemetry::CacheMetrics;

pub use self::entries::What;
pub use self::shelf::{Found, How, Shelf};

/// A change whose end nobody heard of is told again after so long: it is done by then, or never will be.
const SETTLED: Duration = Duration::from_secs(2);
/// Between two looks at what is held.
const LOOK: Duration = Duration::from_secs(1);

/// A cheap handle.
#[derive(Debug, Clone)]
pub struct Cache(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    entries: Entries,
    generations: Generations,
    ttl: Duration,
    relay: Option<Relay>,
    lifecycle: Lifecycle,
    metrics: CacheMetrics,
    /// Something was given up.
    news: Notify,
}

impl Cache {
    /// One that keeps nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// An empty one, which tells others of changes and hears of theirs through Redis, once [started](Self::start).
    /// Without Redis there are no others.
    pub fn new(
        settings: &config::Cache,
        redis: Option<Redis>,
        lifecycle: Lifecycle,
        metrics: CacheMetrics,
    ) -> Self {
        let ttl = settings.ttl.get();
        Self(Some(Arc::new(Inner {
            entries: Entries::new(settings.memory.bytes()),
            generations: Generations::default(),
            ttl,
            relay: redis.map(|redis| Relay::new(redis, ttl)),
            lifecycle,
            metrics,
            news: Notify::new(),
        })))
    }

    /// Begins to hear of changes elsewhere, for as long as the process runs.
    ///
    /// # Errors
    /// No subscription to Redis can be made.
    pub fn start(&self) -> Result<()> {
        let Some(inner) = &self.0 else { return Ok(()) };
        if let Some(relay) = &inner.relay {
            let hearing = inner.clone();
            relay.subscribe(move |push| hearing.hear(push))?;
            let (telling, beating) = (inner.clone(), inner.clone());
            inner.lifecycle.spawn("tell of changes", async move { telling.tell_others().await });
            inner.lifecycle.spawn("beat of the cache", async move { beating.beat().await });
        }
        let measured = inner.clone();
        inner.lifecycle.spawn("measure the cache", async move { measured.measure().await });
        Ok(())
    }

    /// Gives up what a transaction of this instance changed: here at once, elsewhere as soon as they hear of it.
    pub fn forget(&self, change: Change) {
        let Some(inner) = &self.0 else { return };
        inner.forget(change);
        if !change.is_done {
            let inner_again = inner.clone();
            inner.lifecycle.spawn("give up a change again", async move {
                sleep(SETTLED).await;
                inner_again.forget(change);
            });
        }
    }

    /// The place for one kind of thing, which is given up with this noun. It takes so many bytes as `weigh` says.
    pub fn shelf<T: Send + Sync + 'static>(
        &self,
        kind: &'static str,
        noun: Noun,
        weigh: fn(&T) -> usize,
    ) -> Shelf<T> {
        Shelf::new(self.clone(), kind, noun, weigh)
    }

    /// Which generation of a tenant's things is the present one.
    pub fn generation(&self, tenant: TenantId, noun: Noun) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.generations.of(tenant, noun))
    }

    /// How long things are kept; none where nothing is.
    pub fn ttl(&self) -> Option<Duration> {
        self.0.as_ref().map(|inner| inner.ttl)
    }

    /// Waits until something was given up since the last time. For one who waits.
    pub async fn changed(&self) {
        match &self.0 {
            Some(inner) => inner.news.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Inner {
    /// Whether what is found here is what everybody would find.
    fn is_trusted(&self, now: Instant) -> bool {
        self.relay.as_ref().is_none_or(|relay| relay.hears(now))
    }

    fn forget(&self, change: Change) {
        for noun in change.nouns.each() {
            self.give_up(change.tenant, noun, "self");
            if let Some(relay) = &self.relay {
                relay.tell(change.tenant, noun);
            }
        }
    }

    fn give_up(&self, tenant: Option<TenantId>, noun: Noun, by: &str) {
        match tenant {
            Some(tenant) => self.generations.begin(tenant, noun),
            None => self.generations.begin_all(),
        }
        self.metrics.invalidated(noun.as_str(), by);
        self.news.notify_one();
    }

    fn hear(&self, push: Push) {
        let Some(relay) = &self.relay else { return };
        match relay.hear(push) {
            Heard::Nothing => {}
            Heard::Change(tenant, noun) => self.give_up(tenant, noun, "other"),
            Heard::Gap => self.give_up_all(),
            Heard::Beat(beat) => {
                // What was changed in the silence may not be told yet; but by now it is in the database.
                if !self.is_trusted(Instant::now()) {
                    self.give_up_all();
                }
                relay.feel(&beat);
            }
        }
    }

    fn give_up_all(&self) {
        Noun::ALL.into_iter().for_each(|noun| self.give_up(None, noun, "gap"));
    }

    async fn tell_others(&self) {
        if let Some(relay) = &self.relay {
            relay.deliver().await;
        }
    }

    async fn beat(&self) {
        if let Some(relay) = &self.relay {
            relay.beat().await;
        }
    }

    async fn measure(&self) {
        loop {
            self.metrics.holds(self.entries.bytes(), self.entries.count(), self.is_trusted(Instant::now()));
            sleep(LOOK).await;
        }
    }
}
