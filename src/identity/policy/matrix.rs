//! The policy as a table of people: which role may do what.

use std::sync::Arc;

use super::set::Set;
use super::{Policy, Rights};

impl Policy {
    /// A table in Markdown: a row for each permission, a column for each role. What grants say is not in it.
    pub fn matrix(self: &Arc<Self>, roles: &[&str]) -> String {
        let columns: Vec<Rights> = roles.iter().map(|role| self.rights_of_role(role)).collect();
        let mut table =
            format!("| permission | {} |\n|---{}|\n", roles.join(" | "), "|---".repeat(roles.len()));
        for (index, (resource, action)) in self.permissions.iter().enumerate() {
            let cells: Vec<_> = columns.iter().map(|rights| word(rights, index)).collect();
            table += &format!("| `{resource}:{action}` | {} |\n", cells.join(" | "));
        }
        table
    }

    fn rights_of_role(self: &Arc<Self>, name: &str) -> Rights {
        let (roles, allowed) = self.role(name).map(|role| (role.held, role.allowed)).unwrap_or_default();
        Rights::new(self.clone(), (roles, allowed), Vec::new())
    }
}

fn word(rights: &Rights, index: usize) -> &'static str {
    match () {
        () if rights.decide_set(Set::of(index, false)).is_allowed() => "yes",
        () if rights.decide_set(Set::of(index, true)).is_allowed() => "own",
        () => "·",
    }
}
