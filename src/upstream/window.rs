//! What came of the tries of the last seconds: a window that slides in ten steps.

use std::time::{Duration, Instant};

const SLOTS: usize = 10;

/// Successes and failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

/// A sliding count of successes and failures.
#[derive(Debug, Clone)]
pub(super) struct Window {
    slots: [Tally; SLOTS],
    total: Tally,
    began: Instant,
    slot_nanos: u64,
    /// The number of the newest slot, counted from `began`.
    newest: u64,
}

impl Window {
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        let slot_nanos = nanos(length).div_ceil(SLOTS as u64).max(1);
        Self { slots: Default::default(), total: Tally::default(), began: now, slot_nanos, newest: 0 }
    }

    /// What is in the window now.
    pub(super) fn total(&mut self, now: Instant) -> Tally {
        self.slide(now);
        self.total
    }

    pub(super) fn pass(&mut self, now: Instant) {
        self.slide(now);
        self.total.passed += 1;
        self.slot().passed += 1;
    }

    pub(super) fn fail(&mut self, now: Instant) {
        self.slide(now);
        self.total.failed += 1;
        self.slot().failed += 1;
    }

    /// Takes back the success of a try that failed after all, if it is still in the window's newest slots.
    pub(super) fn unpass(&mut self) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.passed > 0) {
            slot.passed -= 1;
            self.total.passed -= 1;
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        (self.slots, self.total) = Default::default();
    }

    fn slide(&mut self, now: Instant) {
        let number = nanos(now.saturating_duration_since(self.began)) / self.slot_nanos;
        if number <= self.newest {
            return;
        }
        if number - self.newest >= SLOTS as u64 {
            self.clear();
            self.newest = number;
        }
        while self.newest < number {
            self.newest += 1;
            let old = std::mem::take(self.slot());
            self.total.passed -= old.passed;
            self.total.failed -= old.failed;
        }
    }

    fn slot(&mut self) -> &mut Tally {
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
        &mut self.slots[(self.newest % SLOTS as u64) as usize]
    }
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let now = Instant::now();
        let mut window = Window::new(LENGTH, now);
        window.fail(now);
        window.pass(now + LENGTH / 2);
        assert_eq!(window.total(now + LENGTH / 2), Tally { passed: 1, failed: 1 });
        assert_eq!(window.total(now + LENGTH), Tally { passed: 1, failed: 0 });
        assert_eq!(window.total(now + 9 * LENGTH), Tally::default());
    }

    #[test]
    fn a_success_can_be_taken_back_once() {
        let now = Instant::now();
        let mut window = Window::new(LENGTH, now);
        window.pass(now);
        window.unpass();
        window.unpass();
        assert_eq!(window.total(now), Tally::default());
    }

    proptest! {
        #[test]
        fn the_total_is_what_came_within_the_window(steps in prop::collection::vec((0..3_000_u64, any::<bool>()), 1..200)) {
            let start = Instant::now();
            let (mut window, mut now, mut all) = (Window::new(LENGTH, start), start, Vec::new());
            for (millis, passed) in steps {
                now += Duration::from_millis(millis);
                if passed { window.pass(now) } else { window.fail(now) }
                all.push((now.duration_since(start).as_secs(), passed));
                let newest = now.duration_since(start).as_secs();
                let count = |wanted| all.iter().filter(|(at, is)| at + 10 > newest && *is == wanted).count() as u32;
                prop_assert_eq!(window.total(now), Tally { passed: count(true), failed: count(false) });
            }
        }
    }
}
