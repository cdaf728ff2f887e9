//! The things themselves, under whole keys: what only looks alike is never found.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};
use uuid::Uuid;

use crate::model::TenantId;

/// Bytes that an entry takes besides what is in it, roughly.
const OVERHEAD: usize = 256;
/// What an entry is thought to take, to make the table that large at first.
const USUAL: u64 = 4 << 10;
/// An entry may take this part of the memory, so that no single one drives all others out.
const LARGEST_PART: u64 = 32;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// One thing.
    Id(Uuid),
    /// What fits a description, which must be the same text for the same things only.
    Query(Box<str>),
}

/// Whose thing it is, of which kind and generation, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) tenant: TenantId,
    pub(super) kind: &'static str,
    pub(super) generation: u64,
    pub(super) what: What,
}

/// A thing that is kept.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: Arc<dyn Any + Send + Sync>,
    pub(super) until: Instant,
    pub(super) bytes: usize,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Entries {
    kept: Cache<Key, Entry, Weight>,
    largest: usize,
}

/// The right to load what nobody else is loading, and the duty to say what came of it.
pub(super) type Turn<'e> =
    PlaceholderGuard<'e, Key, Entry, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Entry>>;

#[derive(Debug, Clone)]
pub(super) struct Weight;

impl Weighter<Key, Entry> for Weight {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let text = match &key.what {
            What::Id(_) => 0,
            What::Query(text) => text.len(),
        };
        (entry.bytes + text + OVERHEAD) as u64
    }
}

impl Entries {
    pub(super) fn new(memory: u64) -> Self {
        let usual = usize::try_from(memory / USUAL).unwrap_or(usize::MAX).clamp(16, 1 << 16);
        let kept = Cache::with_weighter(usual, memory, Weight);
        let largest = (memory / LARGEST_PART).min(kept.shard_capacity());
        Self { largest: usize::try_from(largest).unwrap_or(usize::MAX), kept }
    }

    /// What is kept under a key, or the turn to load it. Whoever comes while another has the turn waits for the other.
    pub(super) async fn find(&self, key: &Key, now: Instant) -> Result<Entry, Turn<'_>> {
        loop {
            let found = self.kept.get_value_or_guard_async(key).await?;
            if found.until > now {
                return Ok(found);
            }
            self.kept.remove_if(key, |entry| entry.until <= now);
        }
    }

    /// Whether so many bytes are few enough.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        bytes.saturating_add(OVERHEAD) <= self.largest
    }

    pub(super) fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    pub(super) fn count(&self) -> usize {
        self.kept.len()
    }
}
