//! The policy: a file of its own that says which role may do what. See docs/authorisation.md.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Permitted;
use crate::model::TenantId;

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Kinds of things of backends, each with what may be done with it, for routes to ask for. The gateway's own are
    /// known.
    #[serde(default)]
    pub resources: BTreeMap<String, Vec<String>>,
    /// What the holders of a role may do, by the name of the role in tokens.
    pub roles: BTreeMap<String, Role>,
    /// What holds for some of them only, by a name of your choice. Whatever is denied wins over whatever is allowed.
    #[serde(default)]
    pub grants: BTreeMap<String, PolicyGrant>,
}

/// `[roles.NAME]`: what the holders of a role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// Roles below this one: who holds it holds them too.
    pub includes: Vec<String>,
    /// Permissions besides those of the roles below.
    pub allow: Vec<Permitted>,
}

/// `[grants.NAME]`: what is allowed or denied to a role or to one user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyGrant {
    /// The role it is for, and with it for every role above.
    pub role: Option<String>,
    /// The user it is for, as `sub` in their tokens says.
    pub user: Option<String>,
    /// The tenant it holds in. Absent: in all.
    #[schemars(with = "Option<String>", extend("format" = "tenant-id"))]
    pub tenant: Option<TenantId>,
    /// The id of the one thing it holds for. Absent: for all.
    pub only: Option<String>,
    /// What is allowed.
    pub allow: Vec<Permitted>,
    /// What is denied, whoever else allows it.
    pub deny: Vec<Permitted>,
}
