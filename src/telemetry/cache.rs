//! What is counted of the read-through cache, by kind of what is kept.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge};

use super::metrics::{counters, gauge};

/// A cheap handle on the counters.
#[derive(Debug, Clone)]
pub struct CacheMetrics {
    hits: IntCounterVec,
    misses: IntCounterVec,
    bypasses: IntCounterVec,
    invalidations: IntCounterVec,
    bytes: IntGauge,
    entries: IntGauge,
    live: IntGauge,
}

impl Default for CacheMetrics {
    fn default() -> Self {
        Self {
            hits: counters("olympus_cache_hits_total", "Reads answered from memory.", &["kind"]),
            misses: counters(
                "olympus_cache_misses_total",
                "Reads that had to ask the database, and were kept where they fit.",
                &["kind"],
            ),
            bypasses: counters(
                "olympus_cache_bypasses_total",
                "Reads that went past the cache, since it was not known to hear of changes elsewhere.",
                &["kind"],
            ),
            invalidations: counters(
                "olympus_cache_invalidations_total",
                "How often what is kept of a kind was given up, by who changed it: this instance, another, or nobody \
                 knows since pushes were missed.",
                &["kind", "by"],
            ),
            bytes: gauge("olympus_cache_bytes", "What the cache holds, roughly."),
            entries: gauge("olympus_cache_entries", "How many things the cache holds."),
            live: gauge("olympus_cache_live", "1 while the cache hears of changes elsewhere, or is alone."),
        }
    }
}

impl CacheMetrics {
    /// A read was answered from memory.
    pub fn hit(&self, kind: &str) {
        self.hits.with_label_values(&[kind]).inc();
    }

    /// A read was not.
    pub fn missed(&self, kind: &str) {
        self.misses.with_label_values(&[kind]).inc();
    }

    /// A read went past the cache.
    pub fn bypassed(&self, kind: &str) {
        self.bypasses.with_label_values(&[kind]).inc();
    }

    /// What is kept of a kind was given up because of somebody.
    pub fn invalidated(&self, kind: &str, by: &str) {
        self.invalidations.with_label_values(&[kind, by]).inc();
    }

    /// What it holds now, and whether it hears of changes.
    pub fn holds(&self, bytes: u64, entries: usize, is_live: bool) {
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.live.set(i64::from(is_live));
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.hits.clone()),
            Box::new(self.misses.clone()),
            Box::new(self.bypasses.clone()),
            Box::new(self.invalidations.clone()),
            Box::new(self.bytes.clone()),
            Box::new(self.entries.clone()),
            Box::new(self.live.clone()),
        ]
    }
}
