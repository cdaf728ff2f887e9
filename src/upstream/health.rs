//! What active checks say of one endpoint: their word changes only after enough checks in a row agree.

use std::sync::Arc;
use std::time::Instant;

use crate::config;

/// The word of the checks, since when, why, and how far they are from changing it.
#[derive(Debug, Clone)]
pub(super) struct Health {
    /// Whether it passes its checks, or none are made.
    pub(super) is_passing: bool,
    /// Since when.
    pub(super) since: Instant,
    /// What the last check that agreed said.
    pub(super) reason: Arc<str>,
    /// When it passed again after it had failed.
    pub(super) recovered: Option<Instant>,
    is_checked: bool,
    against: u32,
    unhealthy_after: u32,
    healthy_after: u32,
}

impl Health {
    /// An endpoint is healthy until its checks say otherwise.
    pub(super) fn new(settings: Option<&config::Health>, now: Instant) -> Self {
        Self {
            is_passing: true,
            since: now,
            reason: if settings.is_some() { "not checked yet" } else { "no checks configured" }.into(),
            recovered: None,
            is_checked: false,
            against: 0,
            unhealthy_after: settings.map_or(1, |health| health.unhealthy_after),
            healthy_after: settings.map_or(1, |health| health.healthy_after),
        }
    }

    /// Takes new settings of checks that go on. Their word stands until enough of them say otherwise.
    pub(super) fn reconfigure(&mut self, settings: &config::Health) {
        (self.unhealthy_after, self.healthy_after) = (settings.unhealthy_after, settings.healthy_after);
    }

    /// Takes the result of a check; true if the word changed. The very first check decides alone: nothing
    /// spoke for the endpoint before it.
    pub(super) fn observe(&mut self, result: Result<(), String>, now: Instant) -> bool {
        let (passed, needed, reason) = match result {
            Ok(()) => (true, self.healthy_after, "check passed".into()),
            Err(reason) => (false, self.unhealthy_after, reason.into()),
        };
        let is_first = !std::mem::replace(&mut self.is_checked, true);
        if passed == self.is_passing {
            (self.against, self.reason) = (0, reason);
            return false;
        }
        self.against += 1;
        if self.against < needed && !is_first {
            return false;
        }
        (self.is_passing, self.since, self.reason, self.against) = (passed, now, reason, 0);
        if passed {
            self.recovered = Some(now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> (Health, Instant) {
        let settings = config::Health { unhealthy_after: 3, healthy_after: 2, ..config::Health::default() };
        let now = Instant::now();
        (Health::new(Some(&settings), now), now)
    }

    fn checked() -> (Health, Instant) {
        let (mut health, now) = health();
        health.observe(Ok(()), now);
        (health, now)
    }

    fn failed() -> Result<(), String> {
        Err("refused".to_owned())
    }

    #[test]
    fn an_unchecked_endpoint_is_healthy() {
        assert!(health().0.is_passing);
    }

    #[test]
    fn the_very_first_check_decides_alone() {
        let (mut health, now) = health();
        assert!(health.observe(failed(), now));
        assert!(!health.is_passing);
    }

    #[test]
    fn enough_failures_in_a_row_make_it_unhealthy() {
        let (mut health, now) = checked();
        assert!(!health.observe(failed(), now));
        assert!(!health.observe(failed(), now));
        assert!(health.observe(failed(), now));
        assert_eq!((health.is_passing, &*health.reason), (false, "refused"));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_again() {
        let (mut health, now) = checked();
        for result in [failed(), failed(), Ok(()), failed(), failed()] {
            assert!(!health.observe(result, now));
        }
        assert!(health.is_passing);
    }

    #[test]
    fn recovery_takes_its_own_number_of_checks() {
        let (mut health, now) = checked();
        for _ in 0..3 {
            health.observe(failed(), now);
        }
        assert!(!health.observe(Ok(()), now));
        assert!(health.observe(Ok(()), now));
        assert_eq!((health.is_passing, health.recovered), (true, Some(now)));
    }
}
