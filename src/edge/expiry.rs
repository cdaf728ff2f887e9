//! The end of a whole request's time, `max_duration` of its route. It cuts what is under way, streams and tunnels
//! too: the connection to the backend by a deadline, a local handler and writes to the client by what is here.

use std::future::pending;
use std::time::{Duration, Instant};

use pingora::proxy::Session;
use pingora::{Error, Result};
use tokio::time::sleep_until;

use super::cause;

/// What is left at least for the writing of an answer that came in time.
const GRACE: Duration = Duration::from_millis(250);

/// When a request must be over, if it must.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expiry(Option<Instant>);

impl Expiry {
    /// So long after a request began.
    pub(super) fn after(began: Instant, limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| began + limit))
    }

    /// When the time is over.
    pub(super) fn at(self) -> Option<Instant> {
        self.0
    }

    /// Whether the time is over.
    pub(super) fn has_come(self, now: Instant) -> bool {
        self.0.is_some_and(|at| at <= now)
    }

    /// As much of a length of time as the request has left.
    pub(super) fn clip(self, length: Duration, now: Instant) -> Duration {
        self.0.map_or(length, |at| at.saturating_duration_since(now).min(length))
    }

    /// The same for an answer whose head came now: it is not cut for having come at the last moment.
    pub(super) fn answered(self, now: Instant) -> Self {
        Self(self.0.map(|at| at.max(now + GRACE)))
    }

    /// Waits for the end.
    pub(super) async fn wait(self) {
        match self.0 {
            Some(at) => sleep_until(at.into()).await,
            None => pending().await,
        }
    }

    /// Before each write to the client: it may not outlast the request's time.
    ///
    /// # Errors
    /// The time is over.
    pub(super) fn bound_write(self, session: &mut Session) -> Result<()> {
        let Some(at) = self.0 else { return Ok(()) };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.error());
        }
        let usual = session.downstream_session.get_write_timeout();
        session.set_write_timeout(Some(usual.map_or(left, |usual| usual.min(left))));
        Ok(())
    }

    /// What a request that is cut fails with.
    pub(super) fn error(self) -> Box<Error> {
        Error::explain(cause::OUT_OF_TIME, "the request took as long as its route allows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_time_that_is_limited_comes_and_leaves_less_and_less() {
        let now = Instant::now();
        let expiry = Expiry::after(now, Some(3 * SECOND));
        assert!(!expiry.has_come(now + 2 * SECOND) && expiry.has_come(now + 3 * SECOND));
        let left = [0, 2, 4].map(|seconds| expiry.clip(2 * SECOND, now + seconds * SECOND));
        assert_eq!(left, [2 * SECOND, SECOND, Duration::ZERO]);
    }

    #[test]
    fn an_answer_at_the_last_moment_has_time_to_be_written() {
        let now = Instant::now();
        let expiry = Expiry::after(now, Some(SECOND));
        assert_eq!(expiry.answered(now).at(), expiry.at());
        assert_eq!(expiry.answered(now + SECOND).at(), Some(now + SECOND + GRACE));
    }

    #[test]
    fn a_time_without_limit_never_comes() {
        let (now, expiry) = (Instant::now(), Expiry::default());
        assert!(!expiry.has_come(now + 1_000_000 * SECOND));
        assert_eq!(expiry.clip(SECOND, now), SECOND);
        assert_eq!(expiry.answered(now).at(), None);
    }
}
