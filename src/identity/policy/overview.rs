//! All that a caller may and may not do, with the reasons: for those who ask about themselves.

use super::Decision;
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
}

impl Rights {
    /// Every permission of the policy, those of backends too, in its order.
    pub fn overview(&self) -> Vec<Entry> {
        let permissions = self.policy().map_or(&[][..], |policy| &policy.permissions);
        let entry = |(index, (resource, action)): (usize, &(Box<str>, Box<str>))| {
            let (all, own) = (self.decide_set(Set::of(index, false)), self.decide_set(Set::of(index, true)));
            let (reach, decision) = match (all.is_allowed(), own.is_allowed()) {
                (true, _) => (Reach::All, all),
                (false, true) => (Reach::Own, own),
                (false, false) => (Reach::Nothing, own),
            };
            Entry { permission: format!("{resource}:{action}"), reach, decision }
        };
        permissions.iter().enumerate().map(entry).collect()
    }
}
