//! Who may do what: the policy file as bitsets, so that a check costs nanoseconds. Roles hold those below them,
//! grants add to them or take from them, and what is denied wins. It knows callers, not requests.

mod decision;
mod demand;
mod grant;
mod matrix;
mod overview;
mod rights;
mod set;

pub use decision::Decision;
pub use demand::{Demand, Shortfall};
pub use grant::Grant;
pub use overview::{Entry, Single};
pub use rights::{Reach, Rights, Thing};

use std::sync::Arc;

use self::grant::Applied;
use self::set::{Roles, Set};
use crate::config::{self, Permitted, PolicyGrant};
use crate::model::{Permission, TenantId};

/// A policy, ready to decide.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    /// Resource and action by place: first the gateway's own, see [`Permission::index`], then those of backends.
    permissions: Vec<(Box<str>, Box<str>)>,
    /// Sorted by name.
    roles: Vec<Role>,
    grants: Vec<Standing>,
}

#[derive(Debug, PartialEq, Eq)]
struct Role {
    name: Box<str>,
    /// Where it stands among the roles.
    place: usize,
    /// Itself and all that it includes.
    held: Roles,
    /// What it says itself.
    says: Set,
    /// The same with what all say that it includes.
    allowed: Set,
}

/// A grant of the policy file.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    to: To,
    tenant: Option<TenantId>,
    applied: Applied,
}

#[derive(Debug, PartialEq, Eq)]
enum To {
    Roles(Roles),
    User(Box<str>),
}

/// Whose rights are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'h> {
    /// The tenant they are of.
    pub tenant: TenantId,
    /// Who they are within it.
    pub subject: &'h str,
    /// The names of their roles. Those the policy does not know grant nothing.
    pub roles: &'h [Box<str>],
}

impl Policy {
    /// Compiles a checked policy. A name it does not know grants nothing; the check refuses such policies before.
    pub fn compile(settings: &config::Policy) -> Self {
        let own = Permission::ALL.iter().map(|it| (it.resource().into(), it.action().into()));
        let of_backends = (settings.resources.iter()).flat_map(|(resource, actions)| {
            actions.iter().map(|it| (resource.as_str().into(), it.as_str().into()))
        });
        let mut policy =
            Self { permissions: own.chain(of_backends).collect(), roles: Vec::new(), grants: Vec::new() };
        let says: Vec<Set> = settings.roles.values().map(|role| policy.set(&role.allow)).collect();
        for (place, (name, own)) in settings.roles.keys().zip(&says).enumerate() {
            let (mut held, mut allowed) = (Roles::default(), Set::default());
            for index in below(settings, name) {
                held |= Roles::of(index);
                allowed |= says.get(index).copied().unwrap_or_default();
            }
            policy.roles.push(Role { name: name.as_str().into(), place, held, says: *own, allowed });
        }
        policy.grants =
            settings.grants.iter().filter_map(|(name, grant)| policy.standing(name, grant)).collect();
        policy
    }

    /// What a caller may do, with what they were granted by name besides. To be asked once for each request: what
    /// it gives belongs to this policy. Does not allocate where no grant applies.
    pub fn rights(self: &Arc<Self>, holder: Holder<'_>, grants: &[Grant]) -> Rights {
        let (mut held, mut allowed) = (Roles::default(), Set::default());
        for role in holder.roles.iter().filter_map(|name| self.role(name)) {
            held |= role.held;
            allowed |= role.allowed;
        }
        let given = grants.iter().filter(|it| it.tenant.is_none_or(|tenant| tenant == holder.tenant));
        let given = given.flat_map(|grant| self.applied(grant, holder.tenant));
        let standing = self.grants.iter().filter(|it| it.is_for(&holder, held)).map(|it| it.applied.clone());
        let applied: Vec<Applied> = standing.chain(given).collect();
        Rights::new(self.clone(), (held, allowed), applied)
    }

    /// The names of its roles, sorted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| &*role.name)
    }

    fn role(&self, name: &str) -> Option<&Role> {
        let found = self.roles.binary_search_by(|role| (*role.name).cmp(name)).ok()?;
        self.roles.get(found)
    }

    /// The permissions that these stand for.
    fn set(&self, list: &[Permitted]) -> Set {
        let mut set = Set::default();
        for permitted in list {
            for (index, (resource, action)) in self.permissions.iter().enumerate() {
                if permitted.covers(resource, action) {
                    set |= Set::of(index, permitted.is_own());
                }
            }
        }
        set
    }

    fn standing(&self, name: &str, grant: &PolicyGrant) -> Option<Standing> {
        let to = match (&grant.role, &grant.user) {
            (Some(role), _) => To::Roles(Roles::of(self.role(role)?.place)),
            (None, Some(user)) => To::User(user.as_str().into()),
            (None, None) => return None,
        };
        let applied = Applied {
            name: name.into(),
            only: grant.only.as_deref().map(Into::into),
            allow: self.set(&grant.allow),
            deny: self.set(&grant.deny),
        };
        Some(Standing { to, tenant: grant.tenant, applied })
    }

    /// What a grant says in a tenant, itself and by its role. Whoever may give roles for things is of that tenant, which
    /// is none of its own things: so no such role lets anybody do anything with a tenant, whatever its id.
    fn applied(&self, grant: &Grant, tenant: TenantId) -> Vec<Applied> {
        let role = grant.role.as_deref().and_then(|name| self.role(name));
        let mut itself = Applied {
            name: grant.name.clone(),
            only: grant.only.clone(),
            allow: self.set(&grant.allow),
            deny: self.set(&grant.deny),
        };
        let Some(role) = role else { return vec![itself] };
        let tenants = self.of_tenants();
        itself.allow |= role.allowed.without(tenants);
        let of_role = self.grants.iter().filter(|it| it.to.is_role_of(role.held) && it.holds_in(tenant));
        let of_role = of_role.filter_map(|it| it.applied.narrowed(grant.only.as_deref()));
        let of_role = of_role.map(|it| Applied { allow: it.allow.without(tenants), ..it });
        std::iter::once(itself).chain(of_role).collect()
    }

    /// All that may be done with tenants.
    fn of_tenants(&self) -> Set {
        let mut set = Set::default();
        for (index, (resource, _)) in self.permissions.iter().enumerate() {
            if **resource == *Permission::TenantsRead.resource() {
                set |= Set::of(index, false);
            }
        }
        set
    }
}

impl Standing {
    fn is_for(&self, holder: &Holder<'_>, held: Roles) -> bool {
        let is_theirs = match &self.to {
            To::Roles(_) => self.to.is_role_of(held),
            To::User(user) => **user == *holder.subject,
        };
        is_theirs && self.holds_in(holder.tenant)
    }

    fn holds_in(&self, tenant: TenantId) -> bool {
        self.tenant.is_none_or(|own| own == tenant)
    }
}

impl To {
    /// Whether this is one of these roles.
    fn is_role_of(&self, held: Roles) -> bool {
        match self {
            Self::Roles(roles) => roles.meets(held),
            Self::User(_) => false,
        }
    }
}

/// The places of a role and of all that it includes.
fn below(settings: &config::Policy, name: &str) -> Vec<usize> {
    let place = |name: &str| settings.roles.keys().position(|it| it == name);
    let mut found: Vec<usize> = place(name).into_iter().collect();
    let mut next = 0;
    while let Some(index) = found.get(next) {
        let includes = settings.roles.values().nth(*index).map_or(&[][..], |role| &role.includes);
        let more: Vec<usize> = includes.iter().filter_map(|it| place(it)).collect();
        more.into_iter().for_each(|it| {
            if !found.contains(&it) {
                found.push(it)
            }
        });
        next += 1;
    }
    found
}
