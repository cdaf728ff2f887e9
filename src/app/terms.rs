//! What sessions and orders go by under one configuration, with the services behind their pools.

use std::sync::Arc;

use crate::backends::{Auth, Backend, Commerce};
use crate::config::Settings;
use crate::domain::{Stock, Terms};
use crate::error::{Error, Result};
use crate::identity::Authenticator;
use crate::telemetry::Metrics;
use crate::upstream::Pools;

/// The terms of these settings. A service keeps its connections where its pool did not change.
pub(super) fn of(
    settings: &Settings,
    pools: &Pools,
    identity: &Arc<Authenticator>,
    (before, metrics): (Option<&Terms>, &Arc<Metrics>),
) -> Result<Terms> {
    let pool =
        |name: &str| pools.get(name).ok_or_else(|| Error::internal(format!("there is no upstream `{name}`")));
    let auth = match &settings.backends.auth {
        None => None,
        Some(wanted) => {
            let pool = pool(&wanted.upstream)?;
            Some(match before.and_then(Terms::auth) {
                Some(auth) => auth.renewed(pool, wanted.token.clone())?,
                None => Auth::new(Backend::new(pool.clone(), metrics.clone())?, wanted.token.clone()),
            })
        }
    };
    let commerce = match &settings.backends.commerce {
        None => None,
        Some(wanted) => {
            let pool = pool(&wanted.upstream)?;
            Some(match before.and_then(|before| before.stock.commerce()) {
                Some(commerce) => commerce.renewed(pool)?,
                None => Commerce::new(Backend::new(pool.clone(), metrics.clone())?),
            })
        }
    };
    Terms::new(settings, identity.clone(), auth, Stock::new(settings, commerce))
}
