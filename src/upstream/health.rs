//! What active checks say of one endpoint: a verdict changes only after enough checks in a row agree.

use std::time::Instant;

use crate::config;

/// What the checks made of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It passes its checks, or none are made.
    Healthy,
    /// It failed enough checks in a row.
    Unhealthy,
}

impl State {
    /// The word for metrics and the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::Unhealthy => "unhealthy",
        }
    }
}

/// The verdict on an endpoint, since when, why, and how far the checks are from changing it.
#[derive(Debug, Clone)]
pub struct Health {
    /// The verdict.
    pub state: State,
    /// When it was reached.
    pub since: Instant,
    /// What the check that reached it said.
    pub reason: String,
    is_checked: bool,
    against: u32,
    unhealthy_after: u32,
    healthy_after: u32,
}

impl Health {
    /// An endpoint is healthy until its checks say otherwise.
    pub(super) fn new(settings: Option<&config::Health>, now: Instant) -> Self {
        Self {
            state: State::Healthy,
            since: now,
            reason: if settings.is_some() { "not checked yet" } else { "no checks configured" }.to_owned(),
            is_checked: false,
            against: 0,
            unhealthy_after: settings.map_or(1, |health| health.unhealthy_after),
            healthy_after: settings.map_or(1, |health| health.healthy_after),
        }
    }

    /// Takes the result of a check; true if the verdict changed. The very first check decides alone: nothing
    /// spoke for the endpoint before it.
    pub(super) fn observe(&mut self, result: Result<(), String>, now: Instant) -> bool {
        let (seen, needed, reason) = match result {
            Ok(()) => (State::Healthy, self.healthy_after, "check passed".to_owned()),
            Err(reason) => (State::Unhealthy, self.unhealthy_after, reason),
        };
        let is_first = !std::mem::replace(&mut self.is_checked, true);
        if seen == self.state {
            self.against = 0;
            self.reason = reason;
            return false;
        }
        self.against += 1;
        if self.against < needed && !is_first {
            return false;
        }
        (self.state, self.since, self.reason, self.against) = (seen, now, reason, 0);
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
        assert_eq!(health().0.state, State::Healthy);
    }

    #[test]
    fn the_very_first_check_decides_alone() {
        let (mut health, now) = health();
        assert!(health.observe(failed(), now));
        assert_eq!(health.state, State::Unhealthy);
    }

    #[test]
    fn enough_failures_in_a_row_make_it_unhealthy() {
        let (mut health, now) = checked();
        assert!(!health.observe(failed(), now));
        assert!(!health.observe(failed(), now));
        assert!(health.observe(failed(), now));
        assert_eq!((health.state, health.reason.as_str()), (State::Unhealthy, "refused"));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_again() {
        let (mut health, now) = checked();
        for result in [failed(), failed(), Ok(()), failed(), failed()] {
            assert!(!health.observe(result, now));
        }
        assert_eq!(health.state, State::Healthy);
    }

    #[test]
    fn recovery_takes_its_own_number_of_checks() {
        let (mut health, now) = checked();
        for _ in 0..3 {
            health.observe(failed(), now);
        }
        assert!(!health.observe(Ok(()), now));
        assert!(health.observe(Ok(()), now));
        assert_eq!(health.state, State::Healthy);
    }
}
