//! The place for one kind of thing in the cache: what is read here is kept here.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::entries::{Entry, Key, Turn, What};
use super::{Cache, Inner};
use crate::error::{Error, Kind, Result};
use crate::model::{Noun, TenantId};

/// A cheap handle on it.
#[derive(Debug)]
pub struct Shelf<T> {
    cache: Cache,
    kind: &'static str,
    noun: Noun,
    weigh: fn(&T) -> usize,
}

/// A thing that was read, and how it was come by.
#[derive(Debug)]
pub struct Found<T> {
    /// The thing.
    pub value: Arc<T>,
    /// How it was come by.
    pub how: How,
}

/// How something that was read was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was in memory.
    Hit,
    /// It was loaded, and is kept from now on.
    Stored,
    /// It was loaded, and is too large to be kept.
    Missed,
    /// It was loaded past the cache.
    Bypassed,
    /// There is no cache.
    Off,
}

impl<T> Found<T> {
    /// A thing of which nothing is kept.
    pub fn fresh(value: T) -> Self {
        Self { value: Arc::new(value), how: How::Off }
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), ..*self }
    }
}

impl<T: Send + Sync + 'static> Shelf<T> {
    pub(super) fn new(cache: Cache, kind: &'static str, noun: Noun, weigh: fn(&T) -> usize) -> Self {
        Self { cache, kind, noun, weigh }
    }

    /// A thing of a tenant, loaded where it is not in memory: by one who asks for it, for all who ask meanwhile, each of
    /// whom waits no longer than it may. Nothing of a load that fails is kept.
    ///
    /// # Errors
    /// Those of the load; Unavailable, where somebody else loads it for too long.
    pub async fn read<F>(
        &self,
        (tenant, what): (TenantId, impl FnOnce() -> What),
        limit: Duration,
        load: impl FnOnce() -> F,
    ) -> Result<Found<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let loaded = |value: T, how| Found { value: Arc::new(value), how };
        let Some(inner) = &self.cache.0 else { return Ok(loaded(load().await?, How::Off)) };
        let now = Instant::now();
        if !inner.is_trusted(now) {
            inner.metrics.bypassed(self.kind);
            return Ok(loaded(load().await?, How::Bypassed));
        }
        let generation = inner.generations.of(tenant, self.noun);
        let key = Key { tenant, kind: self.kind, generation, what: what() };
        let Ok(found) = timeout(limit, inner.entries.find(&key, now)).await else {
            return Err(Error::new(Kind::Unavailable, "what was asked for is still being loaded"));
        };
        let turn = match found {
            Ok(entry) => match entry.value.downcast::<T>() {
                Ok(value) => {
                    inner.metrics.hit(self.kind);
                    return Ok(Found { value, how: How::Hit });
                }
                Err(_) => {
                    return Err(Error::internal(format!("two kinds of things are called {}", self.kind)));
                }
            },
            Err(turn) => turn,
        };
        inner.metrics.missed(self.kind);
        let value = Arc::new(load().await?);
        let how = self.keep(inner, turn, &value);
        Ok(Found { value, how })
    }

    fn keep(&self, inner: &Inner, turn: Turn<'_>, value: &Arc<T>) -> How {
        let bytes = (self.weigh)(value);
        if !inner.entries.takes(bytes) {
            return How::Missed;
        }
        // It fails where the place was taken away meanwhile, and then it is not kept.
        match turn.insert(Entry { value: value.clone(), until: Instant::now() + inner.ttl, bytes }) {
            Ok(()) => How::Stored,
            Err(_) => How::Missed,
        }
    }
}
