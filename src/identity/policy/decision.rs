//! A decision with its reason, for those who ask why. Slower than the decision alone, which it always agrees with.

use std::fmt;

use super::Role;
use super::rights::Rights;
use super::set::{Roles, Set};

/// Whether something may be done, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A role that the caller holds, or one below it, allows it.
    AllowedByRole(Box<str>),
    /// A grant allows it.
    AllowedByGrant(Box<str>),
    /// A grant denies it, whoever else allows it.
    DeniedByGrant(Box<str>),
    /// Nobody allows it.
    NotAllowed,
}

impl Decision {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::AllowedByRole(_) | Self::AllowedByGrant(_) => true,
            Self::DeniedByGrant(_) | Self::NotAllowed => false,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllowedByRole(name) => write!(f, "allowed: role `{name}` says so"),
            Self::AllowedByGrant(name) => write!(f, "allowed: grant `{name}` says so"),
            Self::DeniedByGrant(name) => write!(f, "denied: grant `{name}` says so"),
            Self::NotAllowed => f.write_str("denied: none of the caller's roles and grants allows it"),
        }
    }
}

/// Decides about one permission with one thing, or with all.
pub(super) fn decide(rights: &Rights, wanted: Set, thing: Option<&str>) -> Decision {
    if let Some(grant) = rights.grants_about(thing).find(|it| it.deny.meets(wanted)) {
        return Decision::DeniedByGrant(grant.name.clone());
    }
    if rights.most().is_some_and(|most| !most.holds(wanted)) {
        return Decision::NotAllowed;
    }
    let roles = rights.policy().map_or(&[][..], |policy| &policy.roles);
    let is_held = |role: &&Role| rights.roles().meets(Roles::of(role.place));
    if let Some(role) = roles.iter().filter(is_held).find(|role| role.says.holds(wanted)) {
        return Decision::AllowedByRole(role.name.clone());
    }
    match rights.grants_about(thing).find(|it| it.allow.holds(wanted)) {
        Some(grant) => Decision::AllowedByGrant(grant.name.clone()),
        None => Decision::NotAllowed,
    }
}
