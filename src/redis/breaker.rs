//! Whether commands are sent at all: not after several in a row have failed, until a check has passed again.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Failures in a row after which Redis is left alone. One may be chance: a failover, a lost connection.
const FAILURES: u32 = 3;

/// Opens after failures in a row; only a passed check closes it, so no request has to find out.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU32,
    is_open: AtomicBool,
}

impl Breaker {
    /// Whether commands are not sent.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// A command was answered.
    pub(super) fn succeeded(&self) {
        // Mostly there is nothing to write, and a write would take the line from other cores.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A command failed; true if this opened it.
    pub(super) fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        failures >= FAILURES && self.open()
    }

    /// Opens it; false if it was open.
    pub(super) fn open(&self) -> bool {
        !self.is_open.swap(true, Ordering::Relaxed)
    }

    /// A check passed; true if this closed it.
    pub(super) fn close(&self) -> bool {
        self.failures.store(0, Ordering::Relaxed);
        self.is_open.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_it_and_a_check_closes_it() {
        let breaker = Breaker::default();
        assert_eq!([breaker.failed(), breaker.failed(), breaker.is_open()], [false; 3]);
        breaker.succeeded();
        assert_eq!([breaker.failed(), breaker.failed(), breaker.failed()], [false, false, true]);
        assert!(breaker.is_open() && !breaker.failed());
        // An answer that was under way says nothing.
        breaker.succeeded();
        assert!(breaker.is_open());
        assert!(breaker.close() && !breaker.is_open() && !breaker.close());
    }
}
