//! The generic cell rate algorithm (ITU-T I.371, virtual scheduling): a key is one number, the theoretical arrival
//! time, which each admitted request moves ahead by the interval of its rate. A request is refused when that would
//! put it further ahead of now than the burst allows. Times are nanoseconds and come in as arguments.

use crate::config::{Limit, Rate};

/// How much may be admitted of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Nanoseconds from one to the next in the long run.
    interval: u64,
    /// How many may come at once after a pause.
    burst: u64,
}

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is admitted.
    pub is_allowed: bool,
    /// How far ahead of now the key stands then, in nanoseconds: the time until its whole burst is there again.
    pub debt: u64,
    /// Nanoseconds after which the same request would be admitted; 0 if it is.
    pub retry_after: u64,
}

impl Quota {
    /// So many at this rate, and so many at once.
    pub fn new(rate: Rate, burst: u64) -> Self {
        let interval = u64::try_from(rate.interval().as_nanos()).unwrap_or(u64::MAX);
        Self { interval: interval.max(1), burst: burst.max(1) }
    }

    /// That of a configured limit.
    pub fn of(limit: &Limit) -> Self {
        Self::new(limit.rate, limit.burst())
    }

    /// The part of one of so many instances. Rounded down, but a request of `cost` can always be met.
    #[must_use]
    pub fn share(self, instances: u32, cost: u64) -> Self {
        let instances = u64::from(instances.max(1));
        let burst = (self.burst / instances).max(cost.min(self.burst)).max(1);
        Self { interval: self.interval.saturating_mul(instances), burst }
    }

    /// How many may come at once.
    pub fn burst(self) -> u64 {
        self.burst
    }

    /// Nanoseconds from one to the next.
    pub fn interval(self) -> u64 {
        self.interval
    }

    /// How far ahead of now a key may be.
    pub fn tolerance(self) -> u64 {
        self.interval.saturating_mul(self.burst)
    }

    /// Whole seconds within which so many (`window_quota`) are admitted, at least one second.
    pub fn window(self) -> u64 {
        self.tolerance().div_ceil(SECOND).max(1)
    }

    /// How many are admitted within the window in the long run.
    pub fn window_quota(self) -> u64 {
        self.window().saturating_mul(SECOND) / self.interval
    }

    /// How many are left to a key that is so far ahead.
    pub fn left(self, debt: u64) -> u64 {
        self.tolerance().saturating_sub(debt) / self.interval
    }

    /// What comes of a request of this cost, and where the key stands then.
    pub fn decide(self, stands: u64, cost: u64, now: u64) -> (Verdict, u64) {
        let tolerance = self.tolerance();
        // Never further ahead than the burst: it may have been larger before a reload, or the clock was set back.
        let stands = stands.clamp(now, now.saturating_add(tolerance));
        let after = stands.saturating_add(self.interval.saturating_mul(cost));
        let excess = after.saturating_sub(now.saturating_add(tolerance));
        if excess > 0 {
            return (Verdict { is_allowed: false, debt: stands - now, retry_after: excess }, stands);
        }
        (Verdict { is_allowed: true, debt: after - now, retry_after: 0 }, after)
    }
}

const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(rate: &str, burst: u64) -> Quota {
        Quota::new(rate.parse().unwrap(), burst)
    }

    /// When each of the admitted requests came.
    fn admitted(quota: Quota, arrivals: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
        let (mut now, mut stands, mut times) = (1_000, 0, Vec::new());
        for (pause, cost) in arrivals {
            now += pause;
            let (verdict, after) = quota.decide(stands, cost, now);
            stands = after;
            if verdict.is_allowed {
                times.push((now, cost));
            }
        }
        times
    }

    #[test]
    fn a_burst_passes_at_once_and_the_next_after_an_interval() {
        let quota = quota("10/s", 5);
        assert_eq!(admitted(quota, [(0, 1); 8]).len(), 5);
        let (refused, _) = quota.decide(5 * quota.interval(), 1, 0);
        assert_eq!(refused, Verdict { is_allowed: false, debt: SECOND / 2, retry_after: SECOND / 10 });
        assert!(quota.decide(5 * quota.interval(), 1, refused.retry_after).0.is_allowed);
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let quota = quota("10/s", 2);
        let stands = 2 * quota.interval();
        assert_eq!(quota.decide(stands, 1, 0).1, stands);
    }

    #[test]
    fn a_key_is_never_further_ahead_than_its_burst() {
        let before = quota("1/h", 100);
        let now = SECOND;
        let stands = now + before.tolerance();
        let (refused, _) = quota("100/s", 100).decide(stands, 1, now);
        assert_eq!(refused.retry_after, SECOND / 100);
    }

    #[test]
    fn the_window_is_whole_seconds_and_tells_the_rate() {
        for (rate, burst, window, within) in
            [("100/s", 200, 2, 200), ("100/s", 10, 1, 100), ("100/s", 150, 2, 200), ("60/m", 60, 60, 60)]
        {
            let quota = quota(rate, burst);
            assert_eq!((quota.window(), quota.window_quota()), (window, within), "{rate} {burst}");
        }
    }

    #[test]
    fn shares_add_up_to_no_more_than_the_whole() {
        let whole = quota("100/s", 200);
        let share = whole.share(3, 1);
        assert_eq!((share.interval(), share.burst()), (3 * whole.interval(), 66));
        // But what a request costs can be met.
        assert_eq!(whole.share(1000, 7).burst(), 7);
    }

    proptest! {
        /// In any window no more is admitted than the rate and the burst allow.
        #[test]
        fn no_window_holds_more_than_rate_and_burst(
            (rate, burst) in (1_u64..2_000, 1_u64..50),
            arrivals in prop::collection::vec((0_u64..30_000_000, 1_u64..4), 1..300),
        ) {
            let quota = quota(&format!("{rate}/s"), burst);
            let times = admitted(quota, arrivals);
            for (index, (from, _)) in times.iter().enumerate() {
                let mut taken = 0;
                for (until, cost) in &times[index..] {
                    taken += cost;
                    let most = burst + (until - from) / quota.interval();
                    prop_assert!(taken <= most, "{taken} of {most} between {from} and {until}");
                }
            }
        }

        /// Whoever waits as long as he was told is admitted.
        #[test]
        fn the_told_pause_is_enough(
            (rate, burst, cost) in (1_u64..2_000, 4_u64..50, 1_u64..4),
            stands in 0_u64..100_000_000_000,
        ) {
            let quota = quota(&format!("{rate}/s"), burst);
            let (verdict, after) = quota.decide(stands, cost, 5_000_000_000);
            let again = quota.decide(after, cost, 5_000_000_000 + verdict.retry_after).0;
            prop_assert!(verdict.is_allowed || again.is_allowed);
        }

        /// One who keeps asking gets all that is due.
        #[test]
        fn nothing_is_lost_under_pressure((rate, burst) in (10_u64..1_000, 1_u64..100)) {
            let quota = quota(&format!("{rate}/s"), burst);
            let asked = vec![(quota.interval() / 3, 1); 3_000];
            let span = (quota.interval() / 3) * 2_999;
            let got = admitted(quota, asked).len() as u64;
            prop_assert!(got + 1 >= burst.min(3_000).min(burst + span / quota.interval()), "{got}");
        }
    }
}
