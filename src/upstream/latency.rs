//! How long an endpoint takes to answer, lately: a moving average that rises at once and falls slowly
//! (peak EWMA, as Finagle introduced it). Failures are averaged in as if they had taken very long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// In this time an average without news falls to 37 %. Short enough that an endpoint that was a hundred times
/// slower than the others is tried again after ten seconds.
const MEMORY: Duration = Duration::from_secs(2);

/// The average as it is learned.
#[derive(Debug, Clone)]
pub(super) struct Latency {
    micros: f64,
    seen: Option<Instant>,
    /// The two as they were before the last answer.
    before: Option<(f64, Option<Instant>)>,
}

impl Latency {
    pub(super) fn new() -> Self {
        Self { micros: 0.0, seen: None, before: None }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// An answer took this long. A slower one than the average counts in full at once.
    pub(super) fn answered(&mut self, took: Duration, now: Instant) {
        let took = micros(took);
        self.before = Some((self.micros, self.seen));
        match self.seen {
            Some(seen) if took < self.micros => self.blend(took, now.saturating_duration_since(seen)),
            _ => self.micros = took,
        }
        self.seen = Some(now);
    }

    /// The last answer was none after all: what it taught is forgotten.
    pub(super) fn take_back(&mut self) {
        if let Some(before) = self.before.take() {
            (self.micros, self.seen) = before;
        }
    }

    /// A try failed, which is to count as slow as `penalty`. One failure among many answers moves the average
    /// a little, a row of them moves it all the way.
    pub(super) fn failed(&mut self, penalty: Duration, now: Instant) {
        let penalty = micros(penalty);
        match self.seen {
            Some(seen) => self.blend(penalty, now.saturating_duration_since(seen)),
            None => self.micros = penalty,
        }
        self.seen = Some(now);
    }

    /// A try took at least this long before its client left.
    pub(super) fn waited(&mut self, at_least: Duration, now: Instant) {
        if self.seen.is_some() && micros(at_least) > self.micros {
            self.answered(at_least, now);
        }
    }

    fn blend(&mut self, value: f64, since: Duration) {
        let kept = (-since.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.micros = self.micros * kept + value * (1.0 - kept);
    }
}

/// The average as pickers read it: one word, without a lock. Microseconds as a float above, milliseconds since
/// the board was made below; they wrap after 49 days, when an average without news counts as fresh once.
#[derive(Debug)]
pub(super) struct Board {
    word: AtomicU64,
    made: Instant,
}

const UNKNOWN: u64 = u64::MAX;

impl Board {
    pub(super) fn new(now: Instant) -> Self {
        Self { word: AtomicU64::new(UNKNOWN), made: now }
    }

    pub(super) fn post(&self, latency: &Latency) {
        let word = match latency.seen {
            #[expect(clippy::cast_possible_truncation, reason = "seven digits of an average are plenty")]
            Some(seen) => (u64::from((latency.micros as f32).to_bits()) << 32) | u64::from(self.millis(seen)),
            None => UNKNOWN,
        };
        self.word.store(word, Ordering::Relaxed);
    }

    /// The average in microseconds as it has fallen until now; `None` while nothing is known.
    pub(super) fn read(&self, now: Instant) -> Option<f32> {
        let word = self.word.load(Ordering::Relaxed);
        if word == UNKNOWN {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the halves of the word")]
        let (micros, seen) = (f32::from_bits((word >> 32) as u32), word as u32);
        let idle = self.millis(now).wrapping_sub(seen);
        // Another thread's news may be a little younger than this thread's idea of now.
        let is_fresh = idle == 0 || idle > u32::MAX / 2;
        #[expect(clippy::cast_precision_loss, reason = "a time of seven digits")]
        let fallen = |idle: u32| micros * (idle as f32 / -(MEMORY.as_millis() as f32)).exp();
        Some(if is_fresh { micros } else { fallen(idle) })
    }

    fn millis(&self, at: Instant) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the clock wraps")]
        let millis = at.saturating_duration_since(self.made).as_millis() as u32;
        millis
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn read(latency: &Latency, made: Instant, now: Instant) -> u32 {
        let board = Board::new(made);
        board.post(latency);
        board.read(now).unwrap().round() as u32
    }

    #[test]
    fn a_slow_answer_counts_at_once_and_is_forgotten_slowly() {
        let start = Instant::now();
        let mut latency = Latency::new();
        latency.answered(5 * MS, start);
        latency.answered(500 * MS, start + MS);
        assert_eq!(read(&latency, start, start + MS), 500_000);
        latency.answered(5 * MS, start + 2 * MS);
        assert!(read(&latency, start, start + 2 * MS) > 490_000);
        assert!(read(&latency, start, start + 10_000 * MS) < 5_000, "ten seconds later it is worth a try");
    }

    #[test]
    fn one_failure_among_many_answers_weighs_little_and_a_row_of_them_weighs_all() {
        let start = Instant::now();
        let mut latency = Latency::new();
        latency.answered(5 * MS, start);
        latency.failed(2_000 * MS, start + MS);
        assert!(read(&latency, start, start + MS) < 7_000);
        (2..10_000).for_each(|tick| latency.failed(2_000 * MS, start + tick * MS));
        assert!(read(&latency, start, start + 9_999 * MS) > 1_900_000);
    }

    #[test]
    fn answers_that_break_off_do_not_make_an_endpoint_fast() {
        let start = Instant::now();
        let mut latency = Latency::new();
        latency.answered(5 * MS, start);
        for tick in 1..200 {
            latency.answered(MS, start + 10 * tick * MS);
            latency.take_back();
            latency.failed(2_000 * MS, start + 10 * tick * MS);
        }
        assert!(read(&latency, start, start + 1_990 * MS) > 1_000_000);
    }

    #[test]
    fn nothing_is_known_at_first_and_after_forgetting() {
        let now = Instant::now();
        let mut latency = Latency::new();
        let board = Board::new(now);
        assert_eq!(board.read(now), None);
        latency.answered(MS, now);
        latency.forget();
        board.post(&latency);
        assert_eq!(board.read(now), None);
    }

    #[test]
    fn a_client_that_left_early_proves_nothing_about_speed() {
        let now = Instant::now();
        let mut latency = Latency::new();
        latency.waited(MS, now);
        assert!(latency.seen.is_none());
        latency.answered(5 * MS, now);
        latency.waited(MS, now);
        assert_eq!(read(&latency, now, now), 5_000);
        latency.waited(1_000 * MS, now);
        assert_eq!(read(&latency, now, now), 1_000_000, "but it does prove slowness");
    }
}
