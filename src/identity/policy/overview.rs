//! All that a caller may and may not do, with the reasons: for those who ask about themselves.

use super::decision::{self, Decision};
use super::rights::{Reach, Rights};
use super::set::Set;

/// What a caller may do of one permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The permission, as `orders:read`.
    pub permission: String,
    /// How far it goes.
    pub reach: Reach,
    /// Who says so.
    pub decision: Decision,
    /// Where it is otherwise.
    pub single: Vec<Single>,
}

/// What a caller may do of one permission with one thing, where that is something else than with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// The id of the thing.
    pub thing: Box<str>,
    /// Whether it may be done, or only where the thing is their own.
    pub reach: Reach,
    /// Who says so.
    pub decision: Decision,
}

impl Rights {
    /// Every permission of the policy, those of backends too, in its order.
    pub fn overview(&self) -> Vec<Entry> {
        let permissions = self.policy().map_or(&[][..], |policy| &policy.permissions);
        let things = self.things();
        let entry = |(index, (resource, action)): (usize, &(Box<str>, Box<str>))| {
            let (reach, decision) = self.about_one(index, None);
            let single = things.iter().map(|thing| (*thing, self.about_one(index, Some(*thing))));
            let single = single.filter(|(_, (with_it, _))| *with_it != reach);
            let single =
                single.map(|(thing, (reach, decision))| Single { thing: thing.into(), reach, decision });
            Entry { permission: format!("{resource}:{action}"), reach, decision, single: single.collect() }
        };
        permissions.iter().enumerate().map(entry).collect()
    }

    /// How far the permission of a place goes with one thing, or with all, and who says so.
    fn about_one(&self, index: usize, thing: Option<&str>) -> (Reach, Decision) {
        let decide = |is_own| decision::decide(self, Set::of(index, is_own), thing);
        let (all, own) = (decide(false), decide(true));
        match (all.is_allowed(), own.is_allowed()) {
            (true, _) => (Reach::All, all),
            (false, true) => (Reach::Own, own),
            (false, false) => (Reach::Nothing, own),
        }
    }
}
