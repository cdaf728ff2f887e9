//! The generations of tenants' things: numbers that only grow, in a table of fixed size. Tenants that share a place give
//! up each other's things, never find them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Noun, TenantId};

/// Places of the table, 128 KiB of them.
const PLACES: usize = 1 << 14;

/// One number for each place.
#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU64]>);

impl Default for Generations {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Generations {
    /// The present one. To be asked for before anything is loaded.
    pub(super) fn of(&self, tenant: TenantId, noun: Noun) -> u64 {
        self.place(tenant, noun).map_or(0, |number| number.load(Ordering::Acquire))
    }

    /// Begins another one.
    pub(super) fn begin(&self, tenant: TenantId, noun: Noun) {
        if let Some(number) = self.place(tenant, noun) {
            number.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Begins another one of everybody's.
    pub(super) fn begin_all(&self) {
        for number in &self.0 {
            number.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The end of a UUIDv7 is drawn by chance, so it needs no mixing.
    fn place(&self, tenant: TenantId, noun: Noun) -> Option<&AtomicU64> {
        let (_, low) = tenant.uuid().as_u64_pair();
        self.0.get((low as usize).wrapping_add((noun as usize) << 12) % PLACES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_ends_for_one_noun_of_one_tenant() {
        let (generations, tenant) = (Generations::default(), TenantId::new());
        generations.begin(tenant, Noun::Products);
        assert_eq!(Noun::ALL.map(|noun| generations.of(tenant, noun)), [0, 1, 0]);
        generations.begin_all();
        assert_eq!(Noun::ALL.map(|noun| generations.of(tenant, noun)), [1, 2, 1]);
    }
}
