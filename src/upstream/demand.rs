//! What a request asks of a pool, and what it may be told.

use std::time::{Duration, Instant};

use super::dice::scramble;

/// What a pool needs to know to choose.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// The time.
    pub now: Instant,
    /// Chance: any random number.
    pub random: u64,
    /// What a hashing pool goes by, see [`hash`]. Without it such a pool chooses by chance.
    pub key: Option<u64>,
}

/// Turns the bytes of a key into a number. The same on every machine and in every version: gateways that stand
/// side by side must agree.
pub fn hash(key: &[u8]) -> u64 {
    // FNV-1a, spread out.
    let sum = key.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    scramble(sum)
}

/// Why a pool chose no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No endpoint has a weight.
    NoEndpoint,
    /// The pool works on as many requests as it may.
    Full,
    /// Every endpoint is known to be bad.
    AllBad {
        /// How long until one of them is tried again.
        retry_after: Duration,
    },
}

/// Most tries of one request: the first and as many retries as the configuration may ask for.
const MOST_TRIES: usize = 11;

/// Which endpoints of the pool this request has tried already. Kept inline: every request has one.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    indexes: [usize; MOST_TRIES],
    count: usize,
}

impl Tried {
    /// How many tries were made.
    pub fn count(&self) -> usize {
        self.count
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        self.indexes.iter().take(self.count).any(|&it| it == index)
    }

    pub(super) fn push(&mut self, index: usize) {
        if let Some(place) = self.indexes.get_mut(self.count) {
            *place = index;
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_same_everywhere_and_for_ever() {
        assert_eq!([hash(b""), hash(b"tenant-1")], [17_665_956_581_633_026_203, 9_419_643_239_926_764_749]);
    }
}
