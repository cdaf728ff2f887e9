//! How much a pool has on its hands: requests in flight, retries, trials. Each is held by a guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::endpoint::Endpoint;
use super::silence::Unanswered;

/// Retries a pool always may have under way, however little it has to do.
const LEAST_RETRIES: u32 = 3;

/// Counts of what a pool is doing. Outlives the settings, as what is under way does.
#[derive(Debug, Default)]
pub(super) struct Load {
    active: AtomicU32,
    retries: AtomicU32,
    trials: AtomicU32,
    pub(super) full: AtomicU64,
    pub(super) exhausted: AtomicU64,
}

impl Load {
    /// Requests in flight.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }
}

/// An endpoint chosen for one try; counts as in flight there and in the pool while it lives.
#[derive(Debug)]
pub struct Pick {
    endpoint: Arc<Endpoint>,
    /// Whether its breaker is half-open and waits for what comes of it.
    pub(super) is_trial: bool,
    pub(super) seat: Seat,
}

impl Pick {
    /// For an endpoint whose trial, if it is one, has begun.
    pub(super) fn new(endpoint: Arc<Endpoint>, is_trial: bool, seat: Seat) -> Self {
        endpoint.vitals.enter();
        Self { endpoint, is_trial, seat }
    }

    /// The endpoint that works on the request.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// To be held from when the whole request has been handed on to the head of its answer.
    pub fn wait(&self, now: Instant) -> Unanswered {
        Unanswered::new(&self.endpoint, now)
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        self.endpoint.vitals.leave();
        if self.is_trial {
            self.endpoint.vitals.end_trial();
        }
    }
}

/// A request in flight in a pool.
#[derive(Debug)]
pub(super) struct Seat {
    load: Arc<Load>,
    pub(super) is_trial: bool,
}

impl Seat {
    /// `None` if the pool works on `most` requests already.
    pub(super) fn take(load: &Arc<Load>, most: u32) -> Option<Self> {
        // Made first: where there is no room it is dropped, which takes back what was added.
        let before = load.active.fetch_add(1, Ordering::Relaxed);
        let seat = Self { load: load.clone(), is_trial: false };
        if before >= most {
            load.full.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(seat)
    }

    /// Makes it one of at most `most` trials of the pool's own breaker.
    pub(super) fn begin_trial(&mut self, most: u32) -> bool {
        let claim = |trials| (trials < most).then_some(trials + 1);
        self.is_trial = self.load.trials.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_ok();
        self.is_trial
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.load.active.fetch_sub(1, Ordering::Relaxed);
        if self.is_trial {
            self.load.trials.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Leave for one retry; draws on the pool's budget while it lives.
#[derive(Debug)]
pub struct RetryPermit(Arc<Load>);

impl RetryPermit {
    /// `None` if as many retries are under way as may be.
    pub(super) fn take(load: &Arc<Load>, percent: u32) -> Option<Self> {
        let most = budget(load.active(), percent);
        let claim = |retries| (retries < most).then_some(retries + 1);
        load.retries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).ok()?;
        Some(Self(load.clone()))
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        self.0.retries.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many retries may be under way beside each other.
fn budget(active: u32, percent: u32) -> u32 {
    let share = u64::from(active) * u64::from(percent) / 100;
    u32::try_from(share).unwrap_or(u32::MAX).max(LEAST_RETRIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_share_of_what_is_active_and_at_least_three() {
        assert_eq!([0, 10, 100, 1000].map(|active| budget(active, 20)), [3, 3, 20, 200]);
        assert_eq!(budget(1_000_000, 0), 3);
    }

    #[test]
    fn retries_beyond_the_budget_are_refused() {
        let load = Arc::new(Load::default());
        let permits: Vec<_> = (0..4).filter_map(|_| RetryPermit::take(&load, 20)).collect();
        assert_eq!(permits.len(), 3);
        drop(permits);
        assert!(RetryPermit::take(&load, 20).is_some());
    }

    #[test]
    fn seats_end_where_the_pool_is_full_and_are_given_back() {
        let load = Arc::new(Load::default());
        let seats: Vec<_> = (0..3).filter_map(|_| Seat::take(&load, 2)).collect();
        assert_eq!((seats.len(), load.active(), load.full.load(Ordering::Relaxed)), (2, 2, 1));
        drop(seats);
        assert_eq!(load.active(), 0);
    }
}
