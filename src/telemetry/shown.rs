//! The metrics a scrape shows, written out one after the other: what is gathered of a metric takes ten times the room of its
//! text, and at a thousand endpoints all of them at once took more than the rest of the gateway.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{Encoder, Registry, TextEncoder};

use super::exposition::Exposition;
use super::metrics::known;

/// What is shown, in the order it was added.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Each collector in a registry of its own, which sorts its series.
    registries: Mutex<Vec<Registry>>,
    /// How long the last text was, in bytes.
    length: AtomicUsize,
}

impl Shown {
    /// Shows one more. Its names are not those of another.
    pub(super) fn add(&self, collector: Box<dyn Collector>) {
        let registry = Registry::new();
        known(registry.register(collector));
        self.registries.lock().unwrap_or_else(PoisonError::into_inner).push(registry);
    }

    /// All of them.
    pub(super) fn exposition(&self) -> Exposition {
        let registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let length = self.length.load(Ordering::Relaxed);
        let mut text = Vec::with_capacity(length + length / 8);
        for registry in registries {
            // The encoder fails only where the writer does, and a vector never does.
            let _ = TextEncoder::new().encode(&registry.gather(), &mut text);
        }
        self.length.store(text.len(), Ordering::Relaxed);
        Exposition::of(String::from_utf8(text).unwrap_or_default())
    }
}
