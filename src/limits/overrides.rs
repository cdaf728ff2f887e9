//! Quotas of single tenants, in the place of what limits say for all.

use std::collections::{BTreeMap, HashMap};

use arc_swap::ArcSwap;
use serde::Deserialize;
use serde_json::Value;

use super::gcra::Quota;
use super::rule::{Rule, Subject};
use crate::config::Rate;
use crate::error::{Error, Kind, Result};
use crate::model::{TenantId, TenantStanding};

/// By tenant and name of a limit, what it is allowed instead. Only limits that count by tenant look here.
#[derive(Debug, Default)]
pub struct Overrides(ArcSwap<HashMap<TenantId, BTreeMap<String, Quota>>>);

impl Overrides {
    /// From now on these hold, and no others.
    pub fn set(&self, quotas: HashMap<TenantId, BTreeMap<String, Quota>>) {
        self.0.store(quotas.into());
    }

    /// From now on what these tenants were given holds. What cannot be read is left out, and said.
    pub fn adopt(&self, standings: &[TenantStanding]) {
        let own = |standing: &TenantStanding| {
            let quotas = standing.limits.iter().filter_map(|(name, value)| match Quota::read(value) {
                Ok(quota) => Some((name.clone(), quota)),
                Err(error) => {
                    tracing::error!(%error, limit = name, tenant = %standing.id, "read the limit of a tenant");
                    None
                }
            });
            (standing.id, quotas.collect::<BTreeMap<_, _>>())
        };
        self.set(standings.iter().filter(|it| !it.limits.is_empty()).map(own).collect());
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

/// A quota as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rate: Rate,
    burst: Option<u32>,
}

impl Quota {
    /// The quota that `{"rate": "100/s", "burst": 200}` stands for.
    ///
    /// # Errors
    /// It is none.
    pub fn read(value: &Value) -> Result<Self> {
        let invalid = |error: String| Error::new(Kind::Invalid, format!("no quota: {error}"));
        let written = Written::deserialize(value).map_err(|error| invalid(error.to_string()))?;
        match written.burst {
            Some(0) => Err(invalid("`burst` is 1 at least".to_owned())),
            Some(burst) => Ok(Self::new(written.rate, u64::from(burst))),
            None => Ok(Self::new(written.rate, written.rate.each_second())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quota_is_a_rate_and_a_burst() {
        let of = |value| Quota::read(&value);
        assert_eq!(of(json!({"rate": "2/s", "burst": 5})).unwrap().burst(), 5);
        assert_eq!(of(json!({"rate": "2/s"})).unwrap().burst(), 2);
        for wrong in [json!({}), json!({"rate": "2"}), json!({"rate": "2/s", "burst": 0}), json!("2/s")] {
            assert_eq!(of(wrong.clone()).unwrap_err().kind(), Kind::Invalid, "{wrong}");
        }
        assert!(of(json!({"rate": "2/s", "bursts": 5})).is_err());
    }
}
