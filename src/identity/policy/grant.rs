//! What somebody was granted or denied besides their roles.

use super::set::Set;
use crate::config::Permitted;
use crate::model::{ScopedRole, TenantId};

/// What one user was granted or denied by name, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is called where decisions are explained.
    pub name: Box<str>,
    /// The tenant it holds in; `None` for all.
    pub tenant: Option<TenantId>,
    /// The id of the one thing it holds for; `None` for all.
    pub only: Option<Box<str>>,
    /// A role: all that it allows is allowed, and what grants of the policy's file say of it is said here too.
    pub role: Option<Box<str>>,
    /// What is allowed. What the policy does not know is not.
    pub allow: Vec<Permitted>,
    /// What is denied, whoever else allows it.
    pub deny: Vec<Permitted>,
}

impl Grant {
    /// A role that somebody was given for one thing of a tenant.
    pub fn of_role(tenant: TenantId, ScopedRole { role, thing }: &ScopedRole) -> Self {
        Self {
            name: format!("{role} for {thing}").into(),
            tenant: Some(tenant),
            only: Some(thing.as_str().into()),
            role: Some(role.as_str().into()),
            allow: Vec::new(),
            deny: Vec::new(),
        }
    }
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
    /// The same where it holds for one thing at most, which may be another than the one it is about.
    pub(super) fn narrowed(&self, only: Option<&str>) -> Option<Self> {
        let only = match (self.only.as_deref(), only) {
            (Some(one), Some(other)) if one != other => return None,
            (one, other) => one.or(other),
        };
        Some(Self { only: only.map(Into::into), ..self.clone() })
    }

    /// Whether it speaks of this thing, or of all where none is asked about.
    pub(super) fn is_about(&self, thing: Option<&str>) -> bool {
        self.only.as_deref().is_none_or(|only| Some(only) == thing)
    }
}
