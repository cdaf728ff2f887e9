//! Waiting for what cannot be awaited: a condition is asked again and again, up to a deadline.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::process::PATIENCE;

/// Between two looks. Long enough to leave the processor to those who are waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// What `look` finds, once it finds it; fails the test after [`PATIENCE`].
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(PAUSE);
    }
}

/// Waits, where a test is about time that passes; nothing sends into the channel.
pub fn pass(time: Duration) {
    let (_keep, nothing): (_, Receiver<()>) = channel();
    assert!(nothing.recv_timeout(time).is_err());
}
