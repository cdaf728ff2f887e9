//! What one endpoint's checks and outcomes taught, put together into a verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::{Breaker, Phase, Turn};
use super::health::Health;
use super::latency::Latency;
use super::outcome::{Failure, Outcome};
use super::outlier::Outlier;
use super::verdict::{State, Verdict};
use crate::config::{self, BreakerScope};

/// What an outcome asks of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing changed.
    Stay,
    /// The endpoint should be left out, if the pool can spare it.
    Leave,
    /// The endpoint's state has changed.
    Moved,
}

/// What the pool can spare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// How many other endpoints take traffic.
    pub(super) others: usize,
    /// Whether one more ejection stays within the limits.
    pub(super) may_eject: bool,
}

/// What is known of an endpoint.
#[derive(Debug)]
pub(super) struct Learned {
    health: Health,
    outlier: Outlier,
    breaker: Option<Breaker>,
    broken_because: Arc<str>,
    pub(super) latency: Latency,
    slow_start: Duration,
    /// What a failure counts as.
    penalty: Duration,
    /// When it joined a pool that was working already.
    joined: Option<Instant>,
}

impl Learned {
    pub(super) fn new(settings: &config::Upstream, joined: Option<Instant>, now: Instant) -> Self {
        Self {
            health: Health::new(settings.health.as_ref(), now),
            outlier: Outlier::new(&settings.outlier),
            breaker: breaker(settings, now),
            broken_because: "".into(),
            latency: Latency::new(),
            slow_start: settings.slow_start.get(),
            penalty: settings.try_timeout.get(),
            joined,
        }
    }

    /// Takes new settings. What they leave as it was keeps what it learned.
    pub(super) fn reconfigure(&mut self, old: &config::Upstream, new: &config::Upstream, now: Instant) {
        match (&old.health, &new.health) {
            (Some(_), Some(settings)) => self.health.reconfigure(settings),
            (None, None) => {}
            (None, Some(_)) | (Some(_), None) => self.health = Health::new(new.health.as_ref(), now),
        }
        self.outlier.reconfigure(&new.outlier);
        match &mut self.breaker {
            Some(breaker) if new.breaker.scope == BreakerScope::Endpoint => {
                breaker.reconfigure(&old.breaker, &new.breaker, now);
            }
            Some(_) | None => self.breaker = breaker(new, now),
        }
        (self.slow_start, self.penalty) = (new.slow_start.get(), new.try_timeout.get());
    }

    /// How the endpoint stands. What an outcome proved goes before what checks say.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        let phase = self.breaker.as_ref().map_or(Phase::Closed, |breaker| breaker.phase(now));
        let ejection = self.outlier.ejection(now);
        let (state, since, until, reason) = match (phase, ejection) {
            (Phase::Open { until, .. }, Some(it)) if it.until >= until => {
                (State::Ejected, it.since, Some(it.until), it.reason.clone())
            }
            (Phase::Open { since, until }, _) => {
                (State::Broken, since, Some(until), self.broken_because.clone())
            }
            (Phase::HalfOpen { .. } | Phase::Closed, Some(it)) => {
                (State::Ejected, it.since, Some(it.until), it.reason.clone())
            }
            (Phase::HalfOpen { since, .. }, None) => {
                (State::HalfOpen, since, None, self.broken_because.clone())
            }
            (Phase::Closed, None) => self.unbroken(now),
        };
        Verdict { state, since, until, reason, is_passing: self.health.is_passing }
    }

    fn is_out(&self, now: Instant) -> bool {
        let phase = self.breaker.as_ref().map(|breaker| breaker.phase(now));
        matches!(phase, Some(Phase::Open { .. })) || self.outlier.ejection(now).is_some()
    }

    fn unbroken(&self, now: Instant) -> (State, Instant, Option<Instant>, Arc<str>) {
        let Health { is_passing, since, reason, .. } = &self.health;
        let returned = self.returned(now);
        let warm = returned.map(|at| at + self.slow_start).filter(|warm| now < *warm);
        match (is_passing, returned, warm) {
            (false, _, _) => (State::Unhealthy, *since, None, reason.clone()),
            (true, Some(at), Some(warm)) => (State::Warming, at, Some(warm), reason.clone()),
            (true, at, _) => (State::Healthy, at.map_or(*since, |at| at.max(*since)), None, reason.clone()),
        }
    }

    /// When it last came back, or came at all.
    fn returned(&self, now: Instant) -> Option<Instant> {
        let closed = self.breaker.as_ref().and_then(|breaker| breaker.closed);
        [self.outlier.returned(now), closed, self.health.recovered, self.joined].into_iter().flatten().max()
    }

    /// Takes the result of an active check; true if the verdict may have changed.
    ///
    /// Checks that pass again saw the endpoint go and come back: then what was held against it is over. Whether
    /// any other passed check says so too is a matter of settings (`unejects`).
    pub(super) fn observe(&mut self, result: Result<(), String>, unejects: bool, now: Instant) -> bool {
        let has_passed = result.is_ok();
        let has_changed = self.health.observe(result, now);
        let pardons = has_passed && (has_changed || unejects);
        if has_changed {
            self.latency.forget();
        }
        if pardons && let Some(breaker) = &mut self.breaker {
            breaker.try_now(now);
        }
        (pardons && self.outlier.pardon(now)) || has_changed
    }

    /// Takes what came of a try.
    pub(super) fn learn(&mut self, outcome: Outcome, is_trial: bool, now: Instant) -> Wish {
        self.time(outcome, now);
        match outcome {
            Outcome::Abandoned { .. } => Wish::Stay,
            Outcome::Answered { .. } if !outcome.is_failure() => {
                self.outlier.pass();
                let turn = self.breaker.as_mut().map_or(Turn::Stay, |breaker| breaker.pass(is_trial, now));
                if turn == Turn::Closed { Wish::Moved } else { Wish::Stay }
            }
            Outcome::Answered { status, .. } => {
                let wish = self.fail(is_trial, now);
                if wish == Wish::Moved {
                    self.broken_because = format!("a trial failed: status {status}").into();
                }
                wish
            }
            Outcome::Failed { failure, .. } => {
                if failure == Failure::Truncated {
                    self.outlier.unpass();
                    self.breaker.iter_mut().for_each(Breaker::unpass);
                }
                let wish = self.fail(is_trial, now);
                if wish == Wish::Moved {
                    self.broken_because = format!("a trial failed: {}", failure.as_str()).into();
                }
                wish
            }
        }
    }

    fn fail(&mut self, is_trial: bool, now: Instant) -> Wish {
        let should_eject = self.outlier.fail(now);
        match self.breaker.as_mut().map_or(Turn::Stay, |breaker| breaker.fail(is_trial, now)) {
            Turn::Reopened | Turn::Closed => Wish::Moved,
            Turn::ShouldOpen => Wish::Leave,
            Turn::Stay if should_eject => Wish::Leave,
            Turn::Stay => Wish::Stay,
        }
    }

    /// Learns how long it takes. What comes of older tries while it is left out is old news.
    fn time(&mut self, outcome: Outcome, now: Instant) {
        if self.is_out(now) {
            return;
        }
        if matches!(outcome, Outcome::Failed { failure: Failure::Truncated, .. }) {
            self.latency.take_back();
        }
        match outcome {
            Outcome::Abandoned { latency } => self.latency.waited(latency, now),
            Outcome::Answered { latency, .. } if !outcome.is_failure() => self.latency.answered(latency, now),
            Outcome::Answered { latency, .. } | Outcome::Failed { latency, .. } => {
                self.latency.failed(self.penalty.max(latency), now);
            }
        }
    }

    /// Leaves the endpoint out as far as its record asks for it and the pool allows it.
    ///
    /// An ejection never takes the last endpoint. A breaker takes it only if nothing succeeds any more: then
    /// refusing at once loses nothing.
    pub(super) fn leave(&mut self, allowance: Allowance, last: &str, now: Instant) -> bool {
        let ejects = allowance.may_eject && allowance.others > 0 && self.outlier.should_eject(now);
        if ejects {
            self.outlier.eject(last, now);
        }
        let mut opens = false;
        if let Some(breaker) = &mut self.breaker
            && breaker.should_open(now)
            && (allowance.others > 0 || breaker.is_hopeless(now))
        {
            let (failed, all) = breaker.counted(now);
            self.broken_because = format!("{failed} of {all} tries failed, the last one {last}").into();
            breaker.open(now);
            opens = true;
        }
        if ejects || opens {
            self.latency.forget();
        }
        ejects || opens
    }

    /// How many trials the breaker lets through at the same time.
    pub(super) fn trials(&self, now: Instant) -> u32 {
        match self.breaker.as_ref().map(|breaker| breaker.phase(now)) {
            Some(Phase::HalfOpen { trials, .. }) => trials,
            Some(Phase::Closed | Phase::Open { .. }) | None => 0,
        }
    }
}

fn breaker(settings: &config::Upstream, now: Instant) -> Option<Breaker> {
    (settings.breaker.scope == BreakerScope::Endpoint).then(|| Breaker::new(&settings.breaker, now))
}
