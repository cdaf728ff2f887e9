//! What sessions go by under one configuration, with the auth service behind its pool.

use std::sync::Arc;

use crate::backends::{Auth, Backend};
use crate::config::Settings;
use crate::domain::Terms;
use crate::error::{Error, Result};
use crate::identity::Authenticator;
use crate::telemetry::Metrics;
use crate::upstream::Pools;

/// The terms of these settings. The auth service keeps its connections where its pool did not change.
pub(super) fn of(
    settings: &Settings,
    pools: &Pools,
    identity: &Arc<Authenticator>,
    (before, metrics): (Option<&Auth>, &Arc<Metrics>),
) -> Result<Terms> {
    let auth = match &settings.backends.auth {
        None => None,
        Some(wanted) => {
            let missing = || Error::internal(format!("there is no upstream `{}`", wanted.upstream));
            let pool = pools.get(&wanted.upstream).ok_or_else(missing)?;
            Some(match before {
                Some(auth) => auth.renewed(pool, wanted.token.clone())?,
                None => Auth::new(Backend::new(pool.clone(), metrics.clone())?, wanted.token.clone()),
            })
        }
    };
    Terms::new(settings, identity.clone(), auth)
}
