//! Passive ejection: an endpoint that fails several times in a row is left out for a while, each time longer.
//! Whether the pool can spare it is the pool's business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config;

/// No ejection is longer than this many times the base.
const LONGEST: u32 = 10;

/// An ejection, and why.
#[derive(Debug, Clone)]
pub(super) struct Ejection {
    pub(super) since: Instant,
    pub(super) until: Instant,
    pub(super) reason: Arc<str>,
}

/// What is held against an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Outlier {
    limit: u32,
    base: Duration,
    in_row: u32,
    /// The row that the last success ended.
    ended: u32,
    /// How long the last ejection was, in bases.
    times: u32,
    /// The last one, also when it is over.
    last: Option<Ejection>,
}

impl Outlier {
    pub(super) fn new(settings: &config::Outlier) -> Self {
        Self {
            limit: settings.consecutive_failures,
            base: settings.base_ejection_time.get(),
            in_row: 0,
            ended: 0,
            times: 0,
            last: None,
        }
    }

    /// Takes new settings. An ejection goes on as it began, unless there are to be none.
    pub(super) fn reconfigure(&mut self, settings: &config::Outlier) {
        (self.limit, self.base) = (settings.consecutive_failures, settings.base_ejection_time.get());
        if self.limit == 0 {
            *self = Self::new(settings);
        }
    }

    /// The ejection that lasts now.
    pub(super) fn ejection(&self, now: Instant) -> Option<&Ejection> {
        self.last.as_ref().filter(|ejection| now < ejection.until)
    }

    /// When the last ejection ended.
    pub(super) fn returned(&self, now: Instant) -> Option<Instant> {
        self.last.as_ref().map(|ejection| ejection.until).filter(|until| *until <= now)
    }

    pub(super) fn pass(&mut self) {
        self.ended = std::mem::take(&mut self.in_row);
    }

    /// Takes back the last success: the row that it ended goes on.
    pub(super) fn unpass(&mut self) {
        self.in_row = self.in_row.saturating_add(std::mem::take(&mut self.ended));
    }

    /// Takes a failure; true if the endpoint should be ejected, see [`Self::eject`].
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        if self.ejection(now).is_none() {
            self.in_row = self.in_row.saturating_add(1);
        }
        self.should_eject(now)
    }

    /// Whether it is in and failed too often in a row.
    pub(super) fn should_eject(&self, now: Instant) -> bool {
        self.limit > 0 && self.in_row >= self.limit && self.ejection(now).is_none()
    }

    /// Leaves the endpoint out from now on. `last_failure` is how it failed last.
    pub(super) fn eject(&mut self, last_failure: &str, now: Instant) {
        let calm = self.returned(now).map_or(Duration::ZERO, |until| now.saturating_duration_since(until));
        let forgiven = calm.as_nanos().checked_div(self.base.as_nanos()).unwrap_or(0);
        self.times = self.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        self.times = (self.times + 1).min(LONGEST);
        let reason = format!("{} failures in a row, the last one {last_failure}", self.in_row).into();
        self.last = Some(Ejection { since: now, until: now + self.base * self.times, reason });
        self.in_row = 0;
    }

    /// Ends the ejection; true if there was one.
    pub(super) fn pardon(&mut self, now: Instant) -> bool {
        match &mut self.last {
            Some(ejection) if now < ejection.until => {
                ejection.until = now;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn outlier() -> (Outlier, Instant) {
        let settings = config::Outlier { consecutive_failures: 3, ..config::Outlier::default() };
        (Outlier::new(&settings), Instant::now())
    }

    fn lasts(outlier: &mut Outlier, now: Instant) -> u64 {
        outlier.eject("refused", now);
        outlier.ejection(now).map_or(0, |it| it.until.duration_since(now).as_secs())
    }

    #[test]
    fn enough_failures_in_a_row_ask_for_an_ejection() {
        let (mut outlier, now) = outlier();
        assert_eq!([0; 2].map(|_| outlier.fail(now)), [false; 2]);
        outlier.pass();
        assert_eq!([0; 3].map(|_| outlier.fail(now)), [false, false, true]);
    }

    #[test]
    fn a_success_that_is_taken_back_ends_no_row() {
        let (mut outlier, now) = outlier();
        let broken_off = |outlier: &mut Outlier| {
            outlier.pass();
            outlier.unpass();
            outlier.fail(now)
        };
        assert_eq!([0; 2].map(|_| broken_off(&mut outlier)), [false; 2]);
        outlier.pass();
        assert_eq!([0; 3].map(|_| broken_off(&mut outlier)), [false, false, true]);
    }

    #[test]
    fn each_ejection_is_longer_up_to_a_limit_and_calm_makes_them_shorter_again() {
        let (mut outlier, mut now) = outlier();
        let mut lengths = Vec::new();
        for _ in 0..12 {
            let length = lasts(&mut outlier, now);
            lengths.push(length);
            now += u32::try_from(length).unwrap() * SECOND;
        }
        assert_eq!(lengths, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 100, 100]);
        assert_eq!(lasts(&mut outlier, now + 45 * SECOND), 70, "four bases of calm take four back");
    }

    #[test]
    fn failures_of_tries_begun_before_the_ejection_do_not_count_after_it() {
        let (mut outlier, now) = outlier();
        assert_eq!([0; 3].map(|_| outlier.fail(now)), [false, false, true]);
        let length = lasts(&mut outlier, now);
        assert!(!outlier.fail(now + SECOND));
        assert!(!outlier.fail(now + u32::try_from(length).unwrap() * SECOND));
    }

    #[test]
    fn a_pardon_ends_an_ejection_once() {
        let (mut outlier, now) = outlier();
        outlier.eject("reset", now);
        assert!(outlier.pardon(now + SECOND));
        assert!(!outlier.pardon(now + SECOND));
        assert!(outlier.ejection(now + SECOND).is_none());
        assert_eq!(outlier.returned(now + SECOND), Some(now + SECOND));
    }

    #[test]
    fn a_limit_of_zero_never_ejects() {
        let settings = config::Outlier { consecutive_failures: 0, ..config::Outlier::default() };
        let mut outlier = Outlier::new(&settings);
        assert!((0..100).all(|_| !outlier.fail(Instant::now())));
    }
}
