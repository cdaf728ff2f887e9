//! Quotas of single tenants, in the place of what limits say for all.

use std::collections::{BTreeMap, HashMap};

use arc_swap::ArcSwap;

use super::gcra::Quota;
use super::rule::{Rule, Subject};
use crate::model::TenantId;

/// By tenant and name of a limit, what it is allowed instead. Only limits that count by tenant look here.
#[derive(Debug, Default)]
pub struct Overrides(ArcSwap<HashMap<TenantId, BTreeMap<String, Quota>>>);

impl Overrides {
    /// From now on these hold, and no others.
    pub fn set(&self, quotas: HashMap<TenantId, BTreeMap<String, Quota>>) {
        self.0.store(quotas.into());
    }

    /// What holds for a request.
    pub(super) fn quota(&self, rule: &Rule, subject: &Subject<'_>) -> Quota {
        match subject.caller {
            Some((tenant, _)) if rule.names_tenant() => {
                let quotas = self.0.load();
                quotas.get(&tenant).and_then(|own| own.get(&*rule.name)).copied().unwrap_or(rule.quota)
            }
            Some(_) | None => rule.quota,
        }
    }
}
