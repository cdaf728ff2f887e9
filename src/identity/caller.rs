//! The caller of a request, as its token or key said and was believed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::policy::{Grant, Holder, Policy, Reach, Rights, Thing};
use crate::error::{Error, Kind, Result};
use crate::model::{ApiKeyId, Permission, SessionId, TenantId, TokenId};

/// Who is calling. Made only from what was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data they see.
    pub tenant: TenantId,
    /// Who they are within the tenant: the id of a user, or what another issuer calls them. Visible ASCII.
    pub subject: Arc<str>,
    /// The names of their roles, in the order the token says them. Visible ASCII without commas.
    pub roles: Arc<[Box<str>]>,
    /// The login this came of, if it came of one.
    pub session: Option<SessionId>,
    /// The token that said so, if it has an id.
    pub token: Option<TokenId>,
    /// The key that said so, if it was one.
    pub key: Option<ApiKeyId>,
    /// Since when this is said.
    pub issued: DateTime<Utc>,
    /// When they will have to say it anew.
    pub expires: DateTime<Utc>,
    /// What they may do: nothing, until a [policy](Self::ruled_by) says so.
    pub rights: Rights,
}

impl Caller {
    /// A caller who may do nothing yet.
    pub fn new(tenant: TenantId, subject: &str, roles: &[&str], expires: DateTime<Utc>) -> Self {
        Self {
            tenant,
            subject: subject.into(),
            roles: roles.iter().map(|role| (*role).into()).collect(),
            session: None,
            token: None,
            key: None,
            issued: DateTime::UNIX_EPOCH,
            expires,
            rights: Rights::default(),
        }
    }

    /// The same caller with what this policy, and what they were granted by name, allow them.
    #[must_use]
    pub fn ruled_by(mut self, policy: &Arc<Policy>, grants: &[Grant]) -> Self {
        let holder = Holder { tenant: self.tenant, subject: &self.subject, roles: &self.roles };
        self.rights = policy.rights(holder, grants);
        self
    }

    /// The same caller, acting in the tenant that they name, if they name one.
    ///
    /// # Errors
    /// `NotFound` for those who may act in no tenant but their own, whether it is there or not.
    pub fn acting_in(self: &Arc<Self>, tenant: Option<TenantId>) -> Result<Arc<Self>> {
        let Some(tenant) = tenant.filter(|tenant| *tenant != self.tenant) else { return Ok(self.clone()) };
        if !self.rights.may(Permission::TenantsEnter) {
            return Err(Error::new(Kind::NotFound, "there is no such tenant"));
        }
        let mut there = Self { tenant, ..(**self).clone() };
        let holder = Holder { tenant, subject: &there.subject, roles: &there.roles };
        there.rights = self.rights.of_holder(holder);
        Ok(Arc::new(there))
    }

    /// Goes on if the caller may do this with every thing of their tenant.
    ///
    /// # Errors
    /// `Forbidden`, with the name of the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.rights.may(permission) { Ok(()) } else { Err(forbidden(permission)) }
    }

    /// Goes on if the caller may do this at least with what is their own: says how far, for functions that list. What was
    /// granted for single things is left aside.
    ///
    /// # Errors
    /// `Forbidden`, with the name of the permission.
    pub fn require_some(&self, permission: Permission) -> Result<Reach> {
        match self.rights.reach(permission) {
            Reach::Nothing => Err(forbidden(permission)),
            reach @ (Reach::All | Reach::Own) => Ok(reach),
        }
    }

    /// Goes on if the caller may do this with anything, be it one thing that it was granted for: for functions that ask
    /// again once they know which thing it is.
    ///
    /// # Errors
    /// `Forbidden`, with the name of the permission.
    pub fn require_any(&self, permission: Permission) -> Result<()> {
        if self.rights.may_some(permission) { Ok(()) } else { Err(forbidden(permission)) }
    }

    /// Goes on if the caller may do this with one thing.
    ///
    /// # Errors
    /// `Forbidden` if they may know that the thing exists, which is to read it, and else `NotFound`.
    pub fn require_with(&self, permission: Permission, thing: Thing<'_>) -> Result<()> {
        let may = |permission| self.rights.may_with(permission, &self.subject, thing);
        if may(permission) {
            return Ok(());
        }
        match permission.reading().is_some_and(may) {
            true => Err(forbidden(permission)),
            // In the words of the one that looks for things that are not there: nobody can tell them apart.
            false => Err(Error::new(Kind::NotFound, format!("there is no such {}", permission.noun()))),
        }
    }

    /// The same where only the owner of the thing is known.
    ///
    /// # Errors
    /// Those of [`require_with`](Self::require_with).
    pub fn require_own(&self, permission: Permission, owner: &str) -> Result<()> {
        self.require_with(permission, Thing { id: "", owner: Some(owner) })
    }
}

fn forbidden(permission: Permission) -> Error {
    Error::new(Kind::Forbidden, format!("this needs the permission `{permission}`"))
}
