//! One backend of a pool: where it is, its share, what is known of it. Shared by all threads.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::health::Health;
use super::outcome::{Failure, Outcome};
use crate::config::{self, Address};

/// One backend of a pool.
#[derive(Debug)]
pub struct Endpoint {
    /// Its place in the pool, for lists of those already tried.
    pub index: usize,
    /// Where it listens.
    pub address: Address,
    /// The address as text, for logs and metrics.
    pub name: Arc<str>,
    /// Its share beside the others of its tier.
    pub weight: u32,
    /// Its tier; lower is preferred.
    pub priority: u32,
    health: Mutex<Health>,
    in_flight: AtomicU32,
    answered: AtomicU64,
    failed: [AtomicU64; Failure::ALL.len()],
}

impl Endpoint {
    pub(super) fn new(
        index: usize,
        settings: &config::Endpoint,
        health: Option<&config::Health>,
        now: Instant,
    ) -> Self {
        Self {
            index,
            address: settings.address.clone(),
            name: settings.address.to_string().into(),
            weight: settings.weight,
            priority: settings.priority,
            health: Mutex::new(Health::new(health, now)),
            in_flight: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            failed: Default::default(),
        }
    }

    /// What the checks made of it.
    pub fn health(&self) -> Health {
        self.lock_health().clone()
    }

    /// Requests it is working on.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Tries it answered, whatever the status.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Tries that failed in this way.
    pub fn failed(&self, failure: Failure) -> u64 {
        self.failed.get(failure as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(super) fn count(&self, outcome: Outcome) {
        match outcome {
            Outcome::Answered(_) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Failed(failure) => {
                if let Some(count) = self.failed.get(failure as usize) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            Outcome::Abandoned => {}
        }
    }

    pub(super) fn observe(&self, result: Result<(), String>, now: Instant) -> bool {
        self.lock_health().observe(result, now)
    }

    /// Held for a few instructions only, by the prober and by readers of the state.
    fn lock_health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as one request in flight at its endpoint for as long as it lives.
#[derive(Debug)]
pub struct InFlight(Arc<Endpoint>);

impl InFlight {
    pub(super) fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(endpoint)
    }

    /// The endpoint that works on the request.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
