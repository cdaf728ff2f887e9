//! How many HTTP/2 frames of the costly kinds a connection may send: some at once, and so many a second.
//! CONTINUATION is counted for each head; what else is not here is bounded by the HTTP/2 implementation: streams,
//! unread resets, empty DATA.

use tokio::time::Instant;

use super::frames::Frame;
use super::refusal::Frames;

/// At once, and again each second. Far above what clients do, far below what hurts: pings measure bandwidth,
/// settings change once or twice, a page that is left resets its hundred streams, trees of priorities are history.
const fn limits(frames: Frames) -> (f32, f32) {
    match frames {
        Frames::Ping => (500.0, 100.0),
        Frames::Settings => (50.0, 5.0),
        Frames::Reset => (200.0, 20.0),
        Frames::Priority => (500.0, 50.0),
        Frames::Unknown => (100.0, 10.0),
    }
}

/// What is left to a connection.
#[derive(Debug)]
pub(super) struct Allowances {
    ping: Allowance,
    settings: Allowance,
    reset: Allowance,
    priority: Allowance,
    unknown: Allowance,
}

#[derive(Debug)]
struct Allowance {
    left: f32,
    since: Instant,
}

impl Allowances {
    /// All of it.
    pub(super) fn new(now: Instant) -> Self {
        let full = |frames| Allowance { left: limits(frames).0, since: now };
        Self {
            ping: full(Frames::Ping),
            settings: full(Frames::Settings),
            reset: full(Frames::Reset),
            priority: full(Frames::Priority),
            unknown: full(Frames::Unknown),
        }
    }

    /// Takes a frame from what is left.
    ///
    /// # Errors
    /// Nothing is left.
    pub(super) fn spend(&mut self, frame: Frame, now: impl FnOnce() -> Instant) -> Result<(), Frames> {
        let Some(frames) = costly(frame) else { return Ok(()) };
        let allowance = match frames {
            Frames::Ping => &mut self.ping,
            Frames::Settings => &mut self.settings,
            Frames::Reset => &mut self.reset,
            Frames::Priority => &mut self.priority,
            Frames::Unknown => &mut self.unknown,
        };
        allowance.spend(limits(frames), now()).then_some(()).ok_or(frames)
    }
}

impl Allowance {
    fn spend(&mut self, (most, each_second): (f32, f32), now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f32();
        self.left = (self.left + passed * each_second).min(most) - 1.0;
        self.since = now;
        let is_allowed = self.left >= 0.0;
        self.left = self.left.max(0.0);
        is_allowed
    }
}

fn costly(frame: Frame) -> Option<Frames> {
    match frame.kind {
        // DATA, HEADERS, PUSH_PROMISE (an error), GOAWAY, WINDOW_UPDATE, CONTINUATION.
        0 | 1 | 5 | 7 | 8 | 9 => None,
        2 => Some(Frames::Priority),
        3 => Some(Frames::Reset),
        4 => Some(Frames::Settings),
        6 => Some(Frames::Ping),
        _ => Some(Frames::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frame(kind: u8) -> Frame {
        Frame { kind }
    }

    #[test]
    fn each_kind_has_its_own_allowance_which_comes_back() {
        let begun = Instant::now();
        for (kind, frames) in [
            (2, Frames::Priority),
            (3, Frames::Reset),
            (4, Frames::Settings),
            (6, Frames::Ping),
            (0xbe, Frames::Unknown),
        ] {
            let mut allowances = Allowances::new(begun);
            let mut spend = |kind, after: Duration| allowances.spend(frame(kind), || begun + after);
            let (most, each_second) = limits(frames);
            for _ in 0..most as u32 {
                assert_eq!(spend(kind, Duration::ZERO), Ok(()));
            }
            assert_eq!(spend(kind, Duration::ZERO), Err(frames));
            let other = if kind == 6 { 4 } else { 6 };
            assert_eq!(spend(other, Duration::ZERO), Ok(()), "others are not touched");
            for _ in 0..each_second as u32 {
                assert_eq!(spend(kind, Duration::from_secs(1)), Ok(()));
            }
            assert_eq!(spend(kind, Duration::from_secs(1)), Err(frames));
        }
    }

    #[test]
    fn what_carries_requests_is_free() {
        let now = Instant::now();
        let mut allowances = Allowances::new(now);
        for _ in 0..100_000 {
            for kind in [0, 1, 8, 9] {
                assert_eq!(allowances.spend(frame(kind), || now), Ok(()));
            }
        }
    }
}
