//! What one caller may do, worked out once and asked often.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::decision::{self, Decision};
use super::grant::Applied;
use super::set::{Roles, Set};
use super::{Demand, Holder, Policy, Shortfall};
use crate::config::Permitted;
use crate::model::{Permission, TenantId};

/// What a caller may do under one policy. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    policy: Option<Arc<Policy>>,
    /// The roles they hold, with all those below.
    roles: Roles,
    /// What those roles allow.
    by_role: Set,
    /// What is left when denials are taken from what roles and grants for all things allow.
    allowed: Set,
    grants: Vec<Applied>,
    /// What they are bounded by besides.
    most: Option<Set>,
}

/// One thing that something is to be done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thing<'t> {
    /// Its id.
    pub id: &'t str,
    /// Whose it is, as the subject of a caller; `None` if it is nobody's.
    pub owner: Option<&'t str>,
}

/// How far a permission goes, for functions that list things. What grants for a single thing say comes on top: ask
/// [`Rights::may_with`] about each where there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To every thing of the tenant.
    All,
    /// To the caller's own.
    Own,
    /// To nothing.
    Nothing,
}

impl Rights {
    pub(super) fn new(policy: Arc<Policy>, (roles, by_role): (Roles, Set), grants: Vec<Applied>) -> Self {
        let mut rights = Self { policy: Some(policy), roles, by_role, allowed: by_role, grants, most: None };
        if !rights.grants.is_empty() {
            rights.allowed = rights.about(None);
        }
        rights
    }

    /// The same rights, but no more than these permissions.
    #[must_use]
    pub(in crate::identity) fn within(mut self, scopes: &[Permitted]) -> Self {
        let most = self.policy.as_ref().map_or_else(Set::default, |policy| policy.set(scopes));
        self.bound(most);
        self
    }

    fn bound(&mut self, most: Set) {
        self.by_role = self.by_role.within(most);
        self.grants.iter_mut().for_each(|grant| grant.allow = grant.allow.within(most));
        self.most = Some(most);
        self.allowed = if self.grants.is_empty() { self.by_role } else { self.about(None) };
    }

    /// The same rights as they are for a holder elsewhere: what bounds these bounds those.
    pub(in crate::identity) fn of_holder(&self, holder: Holder<'_>) -> Self {
        let Some(policy) = &self.policy else { return Self::default() };
        let mut rights = policy.rights(holder, &[]);
        if let Some(most) = self.most {
            rights.bound(most);
        }
        rights
    }

    /// Whether all that this permission stands for may be done; false for one that stands for nothing.
    pub fn cover(&self, permitted: &Permitted) -> bool {
        let wanted = self.policy.as_ref().map(|policy| policy.set(std::slice::from_ref(permitted)));
        wanted.is_some_and(|wanted| !wanted.is_empty() && self.allowed.holds(wanted))
    }

    /// Whether these rights hold all that a role gives to somebody of a tenant; `None` for a role that the policy does not
    /// know. What is granted for single things is left aside.
    pub fn cover_role(&self, tenant: TenantId, role: &str) -> Option<bool> {
        let policy = self.policy.as_ref()?;
        policy.role(role)?;
        let theirs = policy.rights(Holder { tenant, subject: "", roles: &[role.into()] }, &[]);
        Some(self.allowed.holds(theirs.allowed))
    }

    /// The roles of the policy that allow this with every thing.
    pub fn roles_that_may(&self, permission: Permission) -> Vec<String> {
        let wanted = Set::of(permission.index(), false);
        let roles = self.policy().map_or(&[][..], |policy| &policy.roles);
        roles.iter().filter(|role| role.allowed.holds(wanted)).map(|role| role.name.to_string()).collect()
    }

    /// Whether this may be done with every thing. Own and other things are both among them.
    pub fn may(&self, permission: Permission) -> bool {
        self.allowed.holds(Set::of(permission.index(), false))
    }

    /// How far this may be done.
    pub fn reach(&self, permission: Permission) -> Reach {
        match permission.index() {
            index if self.allowed.holds(Set::of(index, false)) => Reach::All,
            index if self.allowed.holds(Set::of(index, true)) => Reach::Own,
            _ => Reach::Nothing,
        }
    }

    /// Whether this may be done with anything: with every thing, with what is own, or with one that it was granted for,
    /// about which [`may_with`](Self::may_with) has the last word.
    pub fn may_some(&self, permission: Permission) -> bool {
        let wanted = Set::of(permission.index(), true);
        let is_granted = |grant: &Applied| grant.only.is_some() && grant.allow.holds(wanted);
        self.allowed.holds(wanted) || self.grants.iter().any(is_granted)
    }

    /// Whether `subject` may do this with one thing.
    pub fn may_with(&self, permission: Permission, subject: &str, thing: Thing<'_>) -> bool {
        let allowed = if self.grants.is_empty() { self.allowed } else { self.about(Some(thing.id)) };
        // A denial of what is one's own does not reach what is others'.
        allowed.meets(wanted(permission.index(), subject, thing))
    }

    /// Whether a route's demands are met.
    ///
    /// # Errors
    /// What is missing.
    pub fn meets(&self, demand: &Demand) -> Result<(), Shortfall> {
        demand.hold_against(self.roles, self.allowed)
    }

    /// Whether this may be done with every thing, and why.
    pub fn decide(&self, permission: Permission) -> Decision {
        self.decide_set(Set::of(permission.index(), false))
    }

    /// Whether `subject` may do this with one thing, and why.
    pub fn decide_with(&self, permission: Permission, subject: &str, thing: Thing<'_>) -> Decision {
        decision::decide(self, wanted(permission.index(), subject, thing), Some(thing.id))
    }

    pub(super) fn decide_set(&self, set: Set) -> Decision {
        decision::decide(self, set, None)
    }

    /// What is allowed with one thing, or with all.
    fn about(&self, thing: Option<&str>) -> Set {
        let (mut allowed, mut denied) = (self.by_role, Set::default());
        for grant in self.grants.iter().filter(|it| it.is_about(thing)) {
            allowed |= grant.allow;
            denied |= grant.deny;
        }
        allowed.without(denied)
    }

    /// The single things that something is said of.
    pub(super) fn things(&self) -> BTreeSet<&str> {
        self.grants.iter().filter_map(|grant| grant.only.as_deref()).collect()
    }

    pub(super) fn policy(&self) -> Option<&Policy> {
        self.policy.as_deref()
    }

    pub(super) fn most(&self) -> Option<Set> {
        self.most
    }

    pub(super) fn roles(&self) -> Roles {
        self.roles
    }

    pub(super) fn grants_about(&self, thing: Option<&str>) -> impl Iterator<Item = &Applied> {
        self.grants.iter().filter(move |it| it.is_about(thing))
    }
}

/// What must be allowed for one thing: what is said of own things where it is one, of every thing elsewhere.
fn wanted(index: usize, subject: &str, thing: Thing<'_>) -> Set {
    match thing.owner == Some(subject) {
        true => Set::of(index, true),
        false => Set::of_others(index),
    }
}
