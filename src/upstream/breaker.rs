//! A circuit breaker: closed while enough succeeds, open for a while when too much fails, then half-open, when
//! a few trials decide. What it watches over, an endpoint or a pool, is its owner's business.

use std::time::{Duration, Instant};

use super::window::Window;
use crate::config;

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Everything.
    Closed,
    /// Nothing until then.
    Open { since: Instant, until: Instant },
    /// So many trials at the same time.
    HalfOpen { since: Instant, trials: u32 },
}

/// What an outcome asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing new.
    Stay,
    /// Too much failed: it should open. It does so when [`Breaker::open`] is called.
    ShouldOpen,
    /// A trial failed: it is open again.
    Reopened,
    /// Enough trials succeeded: it is closed.
    Closed,
}

/// A circuit breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    ratio: f64,
    min_requests: u32,
    open_for: Duration,
    trials: u32,
    window: Window,
    /// Failures since the last success, and when that was.
    in_row: u32,
    passed: Option<Instant>,
    /// A shorter time without a success says nothing: a tenth of the window.
    moment: Duration,
    tripped: Option<Tripped>,
    /// When it last closed after it had been open.
    pub(super) closed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Tripped {
    since: Instant,
    until: Instant,
    passed: u32,
}

impl Breaker {
    pub(super) fn new(settings: &config::Breaker, now: Instant) -> Self {
        Self {
            ratio: settings.failure_ratio,
            min_requests: settings.min_requests,
            open_for: settings.open_for.get(),
            trials: settings.half_open_requests,
            window: Window::new(settings.window.get(), now),
            in_row: 0,
            passed: None,
            moment: settings.window.get() / 10,
            tripped: None,
            closed: None,
        }
    }

    /// Takes new settings. What is open stays so for as long as it was meant to; what was counted is kept where it
    /// is counted over the same time.
    pub(super) fn reconfigure(&mut self, old: &config::Breaker, new: &config::Breaker, now: Instant) {
        let fresh = Self::new(new, now);
        let window = if old.window == new.window { self.window.clone() } else { fresh.window };
        *self = Self {
            window,
            in_row: self.in_row,
            passed: self.passed,
            tripped: self.tripped,
            closed: self.closed,
            ..fresh
        };
    }

    /// What it lets through now.
    pub(super) fn phase(&self, now: Instant) -> Phase {
        match self.tripped {
            None => Phase::Closed,
            Some(Tripped { since, until, .. }) if now < until => Phase::Open { since, until },
            Some(Tripped { until, passed, .. }) => {
                Phase::HalfOpen { since: until, trials: self.trials.saturating_sub(passed) }
            }
        }
    }

    /// Takes a success.
    pub(super) fn pass(&mut self, is_trial: bool, now: Instant) -> Turn {
        match &mut self.tripped {
            None => self.count_pass(now),
            Some(tripped) if is_trial && now >= tripped.until => {
                tripped.passed += 1;
                if tripped.passed >= self.trials {
                    self.close(now);
                    return Turn::Closed;
                }
            }
            // Began before it opened: tells nothing of now.
            Some(_) => {}
        }
        Turn::Stay
    }

    /// Takes a failure.
    pub(super) fn fail(&mut self, is_trial: bool, now: Instant) -> Turn {
        match self.tripped {
            None => {
                self.window.fail(now);
                self.in_row = self.in_row.saturating_add(1);
                if self.should_open(now) { Turn::ShouldOpen } else { Turn::Stay }
            }
            Some(tripped) if is_trial && now >= tripped.until => {
                self.open(now);
                Turn::Reopened
            }
            Some(_) => Turn::Stay,
        }
    }

    /// Takes back a success that turned out to be none.
    pub(super) fn unpass(&mut self) {
        match &mut self.tripped {
            None => self.window.unpass(),
            Some(tripped) => tripped.passed = tripped.passed.saturating_sub(1),
        }
    }

    /// Whether it is closed and too much fails.
    pub(super) fn should_open(&mut self, now: Instant) -> bool {
        let total = self.window.total(now);
        let all = total.passed.saturating_add(total.failed);
        let is_too_much = f64::from(total.failed) >= self.ratio * f64::from(all);
        self.tripped.is_none() && (all >= self.min_requests && is_too_much || self.is_hopeless(now))
    }

    /// Whether nothing succeeds any more: enough failures in a row, and for long enough.
    pub(super) fn is_hopeless(&self, now: Instant) -> bool {
        let is_long = self.passed.is_none_or(|at| now.saturating_duration_since(at) >= self.moment);
        self.in_row >= self.min_requests && is_long
    }

    /// Lets nothing through from now on.
    pub(super) fn open(&mut self, now: Instant) {
        self.tripped = Some(Tripped { since: now, until: now + self.open_for, passed: 0 });
    }

    /// Ends an open phase before its time: trials may begin.
    pub(super) fn try_now(&mut self, now: Instant) {
        if let Some(tripped) = &mut self.tripped {
            tripped.until = tripped.until.min(now);
        }
    }

    /// Failures and tries within the window.
    pub(super) fn counted(&mut self, now: Instant) -> (u32, u32) {
        let total = self.window.total(now);
        (total.failed, total.passed.saturating_add(total.failed))
    }

    fn close(&mut self, now: Instant) {
        self.tripped = None;
        self.closed = Some(now);
        self.window.clear();
        // The trials speak for it: a new failure does not meet an empty record.
        (0..self.trials).for_each(|_| self.count_pass(now));
    }

    fn count_pass(&mut self, now: Instant) {
        self.window.pass(now);
        (self.in_row, self.passed) = (0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let settings =
            config::Breaker { min_requests: 4, half_open_requests: 2, ..config::Breaker::default() };
        let now = Instant::now();
        (Breaker::new(&settings, now), now)
    }

    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = breaker();
        breaker.open(now);
        (breaker, now)
    }

    #[test]
    fn it_opens_at_the_ratio_and_not_before_enough_was_seen() {
        let (mut breaker, now) = breaker();
        breaker.pass(false, now);
        let turns: Vec<_> = (0..3).map(|_| breaker.fail(false, now)).collect();
        assert_eq!(turns, [Turn::Stay, Turn::Stay, Turn::ShouldOpen]);
        assert_eq!(breaker.phase(now), Phase::Closed, "whether it may is its owner's business");
    }

    #[test]
    fn fewer_failures_than_the_ratio_leave_it_closed() {
        let (mut breaker, now) = breaker();
        for _ in 0..100 {
            breaker.pass(false, now);
            breaker.pass(false, now);
            assert_eq!(breaker.fail(false, now), Turn::Stay);
        }
    }

    #[test]
    fn it_opens_soon_when_nothing_succeeds_any_more_however_good_the_past_was() {
        let (mut breaker, now) = breaker();
        (0..100).for_each(|_| assert_eq!(breaker.pass(false, now), Turn::Stay));
        (0..4).for_each(|_| assert_eq!(breaker.fail(false, now), Turn::Stay));
        assert!(!breaker.is_hopeless(now), "it succeeded just now");
        assert_eq!(breaker.fail(false, now + SECOND), Turn::ShouldOpen);
    }

    #[test]
    fn half_open_comes_by_itself_when_the_time_is_over() {
        let (breaker, now) = opened();
        assert_eq!(breaker.phase(now), Phase::Open { since: now, until: now + 5 * SECOND });
        let later = now + 5 * SECOND;
        assert_eq!(breaker.phase(later), Phase::HalfOpen { since: later, trials: 2 });
    }

    #[test]
    fn enough_trials_that_succeed_close_it() {
        let (mut breaker, now) = opened();
        let later = now + 5 * SECOND;
        assert_eq!(breaker.pass(true, later), Turn::Stay);
        assert_eq!(breaker.pass(true, later), Turn::Closed);
        assert_eq!((breaker.phase(later), breaker.closed), (Phase::Closed, Some(later)));
    }

    #[test]
    fn one_trial_that_fails_opens_it_again() {
        let (mut breaker, now) = opened();
        let later = now + 5 * SECOND;
        breaker.pass(true, later);
        assert_eq!(breaker.fail(true, later), Turn::Reopened);
        assert_eq!(breaker.phase(later), Phase::Open { since: later, until: later + 5 * SECOND });
    }

    #[test]
    fn what_began_before_it_opened_decides_nothing() {
        let (mut breaker, now) = opened();
        let later = now + 5 * SECOND;
        for at in [now, later] {
            assert_eq!((breaker.pass(false, at), breaker.fail(false, at)), (Turn::Stay, Turn::Stay));
        }
        assert_eq!(breaker.phase(later), Phase::HalfOpen { since: later, trials: 2 });
    }
}
