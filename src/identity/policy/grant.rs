//! What somebody was granted or denied besides their roles.

use super::set::Set;
use crate::config::Permitted;
use crate::model::TenantId;

/// What one user was granted or denied by name, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is called where decisions are explained.
    pub name: Box<str>,
    /// The tenant it holds in; `None` for all.
    pub tenant: Option<TenantId>,
    /// The id of the one thing it holds for; `None` for all.
    pub only: Option<Box<str>>,
    /// What is allowed. What the policy does not know is not.
    pub allow: Vec<Permitted>,
    /// What is denied, whoever else allows it.
    pub deny: Vec<Permitted>,
}

/// A grant that holds for a caller, in the terms of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) name: Box<str>,
    pub(super) only: Option<Box<str>>,
    pub(super) allow: Set,
    pub(super) deny: Set,
}

impl Applied {
    /// Whether it speaks of this thing, or of all where none is asked about.
    pub(super) fn is_about(&self, thing: Option<&str>) -> bool {
        self.only.as_deref().is_none_or(|only| Some(only) == thing)
    }
}
