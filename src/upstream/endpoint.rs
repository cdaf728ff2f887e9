//! One backend of a pool: where it is, its share, what is known of it. Shared by all threads.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::latency::Board;
use super::learned::{Allowance, Learned, Wish};
use super::outcome::{Failure, Outcome};
use super::silence::Silence;
use super::verdict::{State, Verdict};
use crate::config::{self, Address};

/// A longer `Retry-After` counts as this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    /// Who gave it another weight than the configuration, and until when.
    pub set_by: Option<Arc<str>>,
    pub(super) vitals: Arc<Vitals>,
}

/// What is known of a backend. Outlives the settings: a reload that keeps the address keeps this.
#[derive(Debug)]
pub(super) struct Vitals {
    /// Held for a few dozen instructions only, never while another lock is taken.
    learned: Mutex<Learned>,
    latency: Board,
    pub(super) silence: Silence,
    made: Instant,
    /// Milliseconds since `made` until when it asked to be left alone.
    paused_until: AtomicU64,
    in_flight: AtomicU32,
    trials: AtomicU32,
    answered: AtomicU64,
    failed_by_status: AtomicU64,
    failed: [AtomicU64; Failure::ALL.len()],
    entered: [AtomicU64; State::ALL.len()],
    /// The state that was last counted in `entered`.
    state: AtomicU32,
}

impl Vitals {
    /// `joined` is set where the pool was working before this endpoint came.
    pub(super) fn new(settings: &config::Upstream, joined: Option<Instant>, now: Instant) -> Self {
        Self {
            learned: Mutex::new(Learned::new(settings, joined, now)),
            latency: Board::new(now),
            silence: Silence::new(now),
            made: now,
            paused_until: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            trials: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            failed_by_status: AtomicU64::new(0),
            failed: Default::default(),
            entered: Default::default(),
            state: AtomicU32::new(State::Healthy as u32),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes the place of a trial, if the breaker has one.
    pub(super) fn begin_trial(&self, now: Instant) -> bool {
        let most = self.lock().trials(now);
        let claim = |trials| (trials < most).then_some(trials + 1);
        self.trials.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_ok()
    }

    pub(super) fn end_trial(&self) {
        self.trials.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    pub(super) fn new(index: usize, settings: &config::Endpoint, vitals: Arc<Vitals>) -> Self {
        Self {
            index,
            address: settings.address.clone(),
            name: settings.address.to_string().into(),
            weight: settings.weight,
            priority: settings.priority,
            set_by: settings.set_by.clone(),
            vitals,
        }
    }

    /// How it stands: the word that the pool goes by.
    pub fn verdict(&self, now: Instant) -> Verdict {
        self.vitals.lock().verdict(now)
    }

    /// Requests it is working on.
    pub fn in_flight(&self) -> u32 {
        self.vitals.in_flight.load(Ordering::Relaxed)
    }

    /// How long it takes to answer, lately, or has been silent by now; `None` while nothing is known.
    pub fn latency(&self, now: Instant) -> Option<Duration> {
        self.micros(now).map(|micros| Duration::from_secs_f32((micros / 1e6).max(0.0)))
    }

    /// The same in microseconds.
    pub(super) fn micros(&self, now: Instant) -> Option<f32> {
        self.vitals.latency.read(now).map(|micros| micros.max(self.vitals.silence.lasts(now)))
    }

    /// Until when it asked to be left alone by `Retry-After`, if that lies ahead.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        let millis = self.vitals.paused_until.load(Ordering::Relaxed);
        if millis == 0 {
            return None;
        }
        Some(self.vitals.made + Duration::from_millis(millis)).filter(|until| now < *until)
    }

    /// For how long it still asks to be left alone.
    pub fn paused_for(&self, now: Instant) -> Option<Duration> {
        self.paused_until(now).map(|until| until.saturating_duration_since(now))
    }

    /// Answers that counted as failures for their status.
    pub fn failed_by_status(&self) -> u64 {
        self.vitals.failed_by_status.load(Ordering::Relaxed)
    }

    /// Tries it answered, whatever the status.
    pub fn answered(&self) -> u64 {
        self.vitals.answered.load(Ordering::Relaxed)
    }

    /// Tries that failed in this way.
    pub fn failed(&self, failure: Failure) -> u64 {
        self.vitals.failed.get(failure as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// How often it came into this state. Ejections and the moves of its breaker are counted here.
    pub fn entered(&self, state: State) -> u64 {
        self.vitals.entered.get(state as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts the state if it is not the one counted last. Called by one thread at a time.
    pub(super) fn note(&self, state: State) {
        if self.vitals.state.swap(state as u32, Ordering::Relaxed) != state as u32
            && let Some(count) = self.vitals.entered.get(state as usize)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the state noted last is a good one.
    pub(super) fn is_noted_good(&self) -> bool {
        let noted = self.vitals.state.load(Ordering::Relaxed);
        State::ALL.iter().any(|state| *state as u32 == noted && state.is_good())
    }

    /// Takes what came of a try, and says what that asks of the pool.
    pub(super) fn learn(&self, outcome: Outcome, is_trial: bool, now: Instant) -> Wish {
        self.count(outcome, now);
        let mut learned = self.vitals.lock();
        let wish = learned.learn(outcome, is_trial, now);
        self.vitals.latency.post(&learned.latency);
        wish
    }

    /// Leaves the endpoint out as far as its record asks for it and the pool allows it.
    pub(super) fn leave(&self, allowance: Allowance, last: Outcome, now: Instant) -> bool {
        let mut learned = self.vitals.lock();
        let has_left = match last {
            Outcome::Failed { failure, .. } => learned.leave(allowance, failure.as_str(), now),
            Outcome::Answered { status, .. } => learned.leave(allowance, &format!("status {status}"), now),
            Outcome::Abandoned { .. } => false,
        };
        self.vitals.latency.post(&learned.latency);
        has_left
    }

    /// Takes the result of an active check; true if the verdict may have changed.
    pub(super) fn observe(&self, result: Result<(), String>, unejects: bool, now: Instant) -> bool {
        let mut learned = self.vitals.lock();
        let has_changed = learned.observe(result, unejects, now);
        self.vitals.latency.post(&learned.latency);
        has_changed
    }

    fn count(&self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Answered { status, retry_after, .. } => {
                self.vitals.answered.fetch_add(1, Ordering::Relaxed);
                if outcome.is_failure() {
                    self.vitals.failed_by_status.fetch_add(1, Ordering::Relaxed);
                }
                self.vitals.silence.end(now);
                if let (503, Some(pause)) = (status, retry_after) {
                    let until = now.saturating_duration_since(self.vitals.made) + pause.min(LONGEST_PAUSE);
                    let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
                    self.vitals.paused_until.fetch_max(millis, Ordering::Relaxed);
                }
            }
            Outcome::Failed { failure, .. } => {
                if let Some(count) = self.vitals.failed.get(failure as usize) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            Outcome::Abandoned { .. } => {}
        }
    }
}
