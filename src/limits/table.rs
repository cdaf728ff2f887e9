//! Where the keys of one instance stand: a table of fixed size, so that a flood of keys costs no memory.
//!
//! A key has eight places it may be in. When all are taken by others, the one that stands least far ahead gives way:
//! it would have been forgotten soonest anyway, and whoever has used most of his limit stays known.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::gcra::{Quota, Verdict};

/// Groups of places; a power of two. With eight places of 16 bytes each, and the lock: 2.2 MB.
const GROUPS: usize = 1 << 14;
const PLACES: usize = 8;

/// What a request is counted under. Zero is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64);

impl Key {
    /// One from a hash with a secret seed, so that nobody can aim at the places of others.
    pub(crate) fn new(hash: u64) -> Self {
        Self(hash.max(1))
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    key: u64,
    /// Until when it says something, in nanoseconds: the theoretical arrival time.
    until: u64,
}

type Group = [Place; PLACES];

/// Keys and until when each is ahead. Memory is taken at the first use.
#[derive(Debug, Default)]
pub(crate) struct Table(OnceLock<Box<[Mutex<Group>]>>);

impl Table {
    /// Counts a request.
    pub(crate) fn take(&self, key: Key, quota: Quota, cost: u64, now: u64) -> Verdict {
        let mut group = self.group(key);
        let place = place(&mut group, key, now);
        let stands = if place.key == key.0 { place.until } else { 0 };
        let (verdict, after) = quota.decide(stands, cost, now);
        if verdict.is_allowed || place.key == key.0 {
            *place = Place { key: key.0, until: after };
        }
        verdict
    }

    /// What would come of a request.
    pub(crate) fn peek(&self, key: Key, quota: Quota, cost: u64, now: u64) -> Verdict {
        quota.decide(self.until(key).unwrap_or(0), cost, now).0
    }

    /// Takes back what a request took that another limit refused.
    pub(crate) fn give_back(&self, key: Key, quota: Quota, cost: u64) {
        let taken = quota.interval().saturating_mul(cost);
        let mut group = self.group(key);
        if let Some(place) = group.iter_mut().find(|place| place.key == key.0) {
            place.until = place.until.saturating_sub(taken);
        }
    }

    /// Remembers something of a key until then.
    pub(crate) fn note(&self, key: Key, until: u64, now: u64) {
        let mut group = self.group(key);
        *place(&mut group, key, now) = Place { key: key.0, until };
    }

    /// Until when something is remembered of a key.
    pub(crate) fn until(&self, key: Key) -> Option<u64> {
        // Nothing was ever counted: no memory for an answer that is known.
        self.0.get()?;
        self.group(key).iter().find(|place| place.key == key.0).map(|place| place.until)
    }

    fn group(&self, key: Key) -> MutexGuard<'_, Group> {
        let groups = self.0.get_or_init(|| (0..GROUPS).map(|_| Mutex::default()).collect());
        let index = key.0 as usize & (GROUPS - 1);
        #[expect(clippy::indexing_slicing, reason = "there are as many groups as the mask lets through")]
        groups[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a key, or the one it would get: of those that say nothing any more, or least far ahead.
fn place(group: &mut Group, key: Key, now: u64) -> &mut Place {
    let mut best = 0;
    let mut least = u64::MAX;
    for (index, place) in group.iter().enumerate() {
        if place.key == key.0 {
            best = index;
            break;
        }
        let worth = if place.until <= now { 0 } else { place.until };
        if worth < least {
            (best, least) = (index, worth);
        }
    }
    #[expect(clippy::indexing_slicing, reason = "an index of this very array")]
    &mut group[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn quota(burst: u64) -> Quota {
        Quota::new("10/s".parse().unwrap(), burst)
    }

    /// A hash as good as any for keys that are numbers.
    fn key(number: u64) -> Key {
        Key::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
    }

    #[test]
    fn keys_are_counted_apart() {
        let table = Table::default();
        let take = |number| table.take(key(number), quota(2), 1, SECOND).is_allowed;
        assert_eq!([1, 1, 1, 2, 2, 2].map(take), [true, true, false, true, true, false]);
    }

    #[test]
    fn what_is_only_looked_at_is_not_counted() {
        let table = Table::default();
        for _ in 0..5 {
            assert!(table.peek(key(1), quota(1), 1, SECOND).is_allowed);
        }
        assert!(table.take(key(1), quota(1), 1, SECOND).is_allowed);
        assert!(!table.peek(key(1), quota(1), 1, SECOND).is_allowed);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let table = Table::default();
        assert!(table.take(key(1), quota(1), 1, SECOND).is_allowed);
        table.give_back(key(1), quota(1), 1);
        assert!(table.take(key(1), quota(1), 1, SECOND).is_allowed);
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_memory_and_frees_nobody_of_his_debt() {
        let table = Table::default();
        let heavy = key(0);
        for _ in 0..20 {
            table.take(heavy, quota(20), 1, SECOND);
        }
        assert!(!table.take(heavy, quota(20), 1, SECOND).is_allowed);
        // Ten times as many as there are places.
        for number in 1..10 * (GROUPS * PLACES) as u64 {
            assert!(table.take(key(number), quota(20), 1, SECOND + number / 1000).is_allowed);
        }
        assert!(!table.take(heavy, quota(20), 1, SECOND + 2_000_000).is_allowed);
        let size = table.0.get().map(|groups| std::mem::size_of_val::<[_]>(groups));
        assert!(size.is_some_and(|size| size < 2_500_000), "{size:?}");
    }

    #[test]
    fn threads_never_admit_more_than_the_burst() {
        let table = Table::default();
        let admitted = std::thread::scope(|scope| {
            let work = || (0..1_000).filter(|_| table.take(key(7), quota(500), 1, SECOND).is_allowed).count();
            let threads = [(); 4].map(|()| scope.spawn(work));
            threads.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
        });
        assert_eq!(admitted, 500);
    }
}
