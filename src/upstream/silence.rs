//! How long an endpoint has let us wait without a word: what hangs shows before any deadline has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::endpoint::Endpoint;

/// What is waited for, and when there was news last.
#[derive(Debug)]
pub(super) struct Silence {
    made: Instant,
    /// Requests handed on whole whose answers have not begun.
    waiting: AtomicU32,
    /// Microseconds since `made`: the last answer, or when the first of those that wait began to.
    since: AtomicU64,
}

impl Silence {
    pub(super) fn new(now: Instant) -> Self {
        Self { made: now, waiting: AtomicU32::new(0), since: AtomicU64::new(0) }
    }

    /// The head of an answer came.
    pub(super) fn end(&self, now: Instant) {
        self.since.store(self.micros(now), Ordering::Relaxed);
    }

    /// Microseconds; none while nothing is waited for.
    #[expect(clippy::cast_precision_loss, reason = "seven digits are plenty")]
    pub(super) fn lasts(&self, now: Instant) -> f32 {
        match self.waiting.load(Ordering::Relaxed) {
            0 => 0.0,
            _ => self.micros(now).saturating_sub(self.since.load(Ordering::Relaxed)) as f32,
        }
    }

    fn begin(&self, now: Instant) {
        // Before it counts: nobody is to see a silence that began with the answer before it.
        if self.waiting.load(Ordering::Relaxed) == 0 {
            self.end(now);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.made).as_micros()).unwrap_or(u64::MAX)
    }
}

/// A request that waits for the head of its answer, until this is dropped.
#[derive(Debug)]
pub struct Unanswered(Arc<Endpoint>);

impl Unanswered {
    pub(super) fn new(endpoint: &Arc<Endpoint>, now: Instant) -> Self {
        endpoint.vitals.silence.begin(now);
        Self(endpoint.clone())
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.vitals.silence.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
