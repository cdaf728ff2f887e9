//! Whether a failed try is worth another, and how long to wait before it. The budget is the pool's.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::dice::Dice;
use super::load::RetryPermit;
use super::outcome::Failure;
use super::pool::Pool;
use crate::config::{self, RetryOn};

/// The wait doubles this many times at most.
const MOST_DOUBLINGS: u32 = 6;

/// How long a retry may wait for its place in the budget. All that hang at an endpoint fail at the same moment, and a
/// fifth at a time need a few round trips; who waits longer than this is better told.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Between two questions for a place in the budget. A place is held for a round trip or more.
const LONGEST_WAIT_MS: u64 = 10;

/// Waits for a place in the retry budget of a pool, until then at the latest; `None` where none became free, which is
/// counted.
pub async fn permit_by(pool: &Pool, by: Instant) -> Option<RetryPermit> {
    loop {
        if let Some(permit) = pool.permit_retry() {
            return Some(permit);
        }
        if Instant::now() >= by {
            pool.forgo_retry();
            return None;
        }
        sleep(Duration::from_millis(fastrand::u64(1..=LONGEST_WAIT_MS))).await;
    }
}

/// What went wrong in a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No answer.
    Failure(Failure),
    /// An answer with this status, of which nothing was passed on yet.
    Status(u16),
}

impl Fault {
    /// Whether nothing can have reached the endpoint: then any method may be tried again, at once, and without
    /// drawing on the budget.
    pub fn is_before_send(self) -> bool {
        matches!(self, Fault::Failure(failure) if failure.is_before_send())
    }

    /// Whether the endpoint did nothing for the request.
    pub fn is_unprocessed(self) -> bool {
        matches!(self, Fault::Failure(failure) if failure.is_unprocessed())
    }

    fn word(self) -> Option<RetryOn> {
        match self {
            Fault::Failure(
                Failure::Refused | Failure::ConnectTimeout | Failure::Tls | Failure::Certificate,
            ) => Some(RetryOn::Connect),
            Fault::Failure(Failure::Reset | Failure::Protocol | Failure::Declined) => Some(RetryOn::Reset),
            Fault::Failure(Failure::Timeout) => Some(RetryOn::Timeout),
            Fault::Failure(Failure::Truncated) => None,
            Fault::Status(502) => Some(RetryOn::Status502),
            Fault::Status(503) => Some(RetryOn::Status503),
            Fault::Status(504) => Some(RetryOn::Status504),
            Fault::Status(_) => None,
        }
    }
}

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// How.
    pub fault: Fault,
    /// Whether the method may be repeated without harm (RFC 9110 section 9.2.2).
    pub is_idempotent: bool,
    /// Whether the whole body is at hand to be sent again.
    pub can_replay: bool,
    /// Tries made, this one included.
    pub tries: usize,
}

/// Whether the settings allow another try. The budget and the request's deadline have a word too.
pub fn may_retry(settings: &config::Retry, attempt: &Attempt) -> bool {
    let is_safe = attempt.fault.is_unprocessed() || attempt.is_idempotent || settings.all_methods;
    let can_replay = attempt.fault.is_before_send() || attempt.can_replay;
    let is_asked = attempt.fault.word().is_some_and(|word| settings.on.contains(&word));
    let most = usize::try_from(settings.max_retries).unwrap_or(usize::MAX);
    is_safe && can_replay && is_asked && attempt.tries <= most
}

/// How long to wait before the retry that follows this many tries: anything up to `base`, doubled with each
/// further one ("full jitter"). Nothing where the endpoint could not be reached, as another one is asked.
pub fn backoff(base: Duration, attempt: &Attempt, random: u64) -> Duration {
    if attempt.fault.is_before_send() {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempt.tries.saturating_sub(1)).unwrap_or(u32::MAX).min(MOST_DOUBLINGS);
    let longest = base.saturating_mul(1 << doublings);
    let micros = u32::try_from(longest.as_micros()).unwrap_or(u32::MAX);
    Duration::from_micros(Dice::new(random).below(micros).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(failure: Failure) -> Attempt {
        Attempt { fault: Fault::Failure(failure), is_idempotent: true, can_replay: true, tries: 1 }
    }

    fn answered(status: u16) -> Attempt {
        Attempt { fault: Fault::Status(status), ..failed(Failure::Reset) }
    }

    fn may(attempt: Attempt) -> bool {
        may_retry(&config::Retry::default(), &attempt)
    }

    #[test]
    fn the_listed_faults_are_tried_again() {
        for failure in Failure::ALL {
            assert_eq!(may(failed(failure)), failure != Failure::Truncated, "{failure:?}");
        }
        for (status, again) in
            [(502, true), (503, true), (504, true), (500, false), (429, false), (200, false)]
        {
            assert_eq!(may(answered(status)), again, "{status}");
        }
        let settings = config::Retry { on: vec![RetryOn::Connect], ..config::Retry::default() };
        assert!(!may_retry(&settings, &answered(503)));
        assert!(may_retry(&settings, &failed(Failure::Refused)));
    }

    #[test]
    fn after_bytes_went_out_only_what_may_be_repeated_is() {
        let post = |failure| Attempt { is_idempotent: false, can_replay: false, ..failed(failure) };
        assert!(may(post(Failure::Refused)));
        assert!(!may(post(Failure::Reset)));
        let settings = config::Retry { all_methods: true, ..config::Retry::default() };
        assert!(!may_retry(&settings, &post(Failure::Reset)), "its body is gone");
        assert!(may_retry(&settings, &Attempt { can_replay: true, ..post(Failure::Reset) }));
    }

    #[test]
    fn what_an_endpoint_declined_may_be_repeated_while_its_body_is_at_hand() {
        for failure in [Failure::Declined, Failure::Tls] {
            let post = Attempt { is_idempotent: false, ..failed(failure) };
            assert!(may(post), "{failure:?}");
            assert!(!may(Attempt { can_replay: false, ..post }), "{failure:?}");
        }
    }

    #[test]
    fn tries_end_at_the_limit() {
        let nth = |tries| may(Attempt { tries, ..failed(Failure::Refused) });
        assert_eq!([1, 2, 3].map(nth), [true, true, false]);
    }

    #[test]
    fn waits_are_spread_between_nothing_and_twice_as_much_each_time() {
        let base = Duration::from_millis(25);
        for (tries, longest) in [(1, 25), (2, 50), (3, 100), (7, 1_600), (10, 1_600)] {
            let attempt = Attempt { tries, ..failed(Failure::Reset) };
            let waits: Vec<_> = (0..1_000).map(|random| backoff(base, &attempt, random)).collect();
            let longest = Duration::from_millis(longest);
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*least < longest / 50 && *most > longest * 49 / 50 && *most < longest);
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_place_in_the_budget_gets_one_that_becomes_free_or_is_counted() {
        let settings = toml::from_str("endpoints = [{ address = '127.0.0.1:1' }]").unwrap();
        let (now, soon) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let pool = Pool::new("test", &settings, now);
        let mut held: Vec<_> = std::iter::from_fn(|| pool.permit_retry()).collect();
        assert!(permit_by(&pool, now).await.is_none());
        assert_eq!(pool.budget_exhausted(), 1);
        let (given, ()) = tokio::join!(permit_by(&pool, soon), async { drop(held.pop()) });
        assert!(given.is_some() && Instant::now() < soon);
        assert!(permit_by(&pool, now).await.is_none(), "it is held");
        assert_eq!(pool.budget_exhausted(), 2);
        drop(given);
        assert!(permit_by(&pool, now).await.is_some(), "also at the last moment");
    }

    #[test]
    fn a_refused_connection_is_tried_elsewhere_at_once() {
        let wait = backoff(Duration::from_secs(1), &failed(Failure::Refused), 7);
        assert_eq!(wait, Duration::ZERO);
    }
}
