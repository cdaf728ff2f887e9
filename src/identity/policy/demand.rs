//! What a route demands of its callers, and what they lack.

use std::fmt;

use super::Policy;
use super::set::{Roles, Set};
use crate::config;

/// The demands of a route, in the terms of one policy: one of the roles, and all of the permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// With the names, for those who lack all of them.
    roles: (Roles, Box<str>),
    permissions: Vec<(Set, Box<str>)>,
}

/// What a caller lacks. Its words are for the caller: they name what the route asks for, never who denies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortfall {
    /// One of these roles.
    Role(Box<str>),
    /// This permission.
    Permission(Box<str>),
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(names) => write!(f, "this needs the role {names}, or one above"),
            Self::Permission(name) => write!(f, "this needs the permission `{name}`"),
        }
    }
}

impl Policy {
    /// The demands of a route in the terms of this policy. One that the policy does not know is never met.
    pub fn demand(&self, demands: &config::Demands) -> Demand {
        let mut roles = Roles::default();
        for role in demands.roles.iter().filter_map(|name| self.role(name)) {
            roles |= Roles::of(role.place);
        }
        let names: Vec<String> = demands.roles.iter().map(|name| format!("`{name}`")).collect();
        let permissions = demands.permissions.iter();
        Demand {
            roles: (roles, names.join(" or ").into()),
            permissions: permissions
                .map(|it| (self.set(std::slice::from_ref(it)), it.to_string().into()))
                .collect(),
        }
    }
}

impl Demand {
    pub(super) fn hold_against(&self, held: Roles, allowed: Set) -> Result<(), Shortfall> {
        let (roles, names) = &self.roles;
        if !names.is_empty() && !roles.meets(held) {
            return Err(Shortfall::Role(names.clone()));
        }
        let is_lacking = |(set, _): &&(Set, Box<str>)| set.is_empty() || !allowed.holds(*set);
        match self.permissions.iter().find(is_lacking) {
            Some((_, name)) => Err(Shortfall::Permission(name.clone())),
            None => Ok(()),
        }
    }

    /// The permissions asked for, each in words and with the decision about it.
    pub fn decisions(&self, rights: &super::Rights) -> Vec<(Box<str>, super::Decision)> {
        self.permissions.iter().map(|(set, name)| (name.clone(), rights.decide_set(*set))).collect()
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, roles) = &self.roles;
        let names: Vec<String> = self.permissions.iter().map(|(_, name)| format!("`{name}`")).collect();
        match (roles.is_empty(), names.is_empty()) {
            (false, false) => {
                write!(f, "the role {roles}, or one above, and the permission {}", names.join(" and "))
            }
            (false, true) => write!(f, "the role {roles}, or one above"),
            (true, _) => write!(f, "the permission {}", names.join(" and ")),
        }
    }
}
