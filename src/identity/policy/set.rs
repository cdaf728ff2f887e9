//! Sets as numbers, so that a question to one is a few machine instructions.

use std::ops::BitOrAssign;

/// Permissions by their place in the policy: for every thing, and for the caller's own things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set {
    any: u128,
    own: u128,
}

impl Set {
    /// One permission. What is said of every thing is said of the caller's own too.
    pub(super) fn of(index: usize, is_own: bool) -> Self {
        let bit = 1_u128.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or_default();
        Self { any: if is_own { 0 } else { bit }, own: bit }
    }

    /// One permission, said of what is not the caller's own.
    pub(super) fn of_others(index: usize) -> Self {
        Self { own: 0, ..Self::of(index, false) }
    }

    pub(super) fn is_empty(self) -> bool {
        self.any | self.own == 0
    }

    /// Whether all of `other` is in this one.
    pub(super) fn holds(self, other: Self) -> bool {
        self.any & other.any == other.any && self.own & other.own == other.own
    }

    /// Whether something is in both.
    pub(super) fn meets(self, other: Self) -> bool {
        self.any & other.any != 0 || self.own & other.own != 0
    }

    /// What is in both.
    pub(super) fn within(self, other: Self) -> Self {
        Self { any: self.any & other.any, own: self.own & other.own }
    }

    /// What is in this one and not in the other.
    pub(super) fn without(self, other: Self) -> Self {
        Self { any: self.any & !other.any, own: self.own & !other.own }
    }
}

impl BitOrAssign for Set {
    fn bitor_assign(&mut self, other: Self) {
        self.any |= other.any;
        self.own |= other.own;
    }
}

/// Roles by their place in the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles(u64);

impl Roles {
    pub(super) fn of(index: usize) -> Self {
        Self(1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or_default())
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOrAssign for Roles {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
