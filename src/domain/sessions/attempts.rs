//! How often somebody may try, by account and by address, counted like all limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use uuid::Uuid;

use super::refused::Refused;
use crate::config::{self, Limit, LimitKey, Rate, WhenRedisFails};
use crate::limits::{Ask, Limiter, Rule, Subject};
use crate::model::TenantId;

/// The limits of what may be tried.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) login: [Arc<Rule>; 3],
    pub(super) refresh_account: [Arc<Rule>; 1],
    pub(super) refresh_address: [Arc<Rule>; 1],
    pub(super) validate: [Arc<Rule>; 2],
}

impl Attempts {
    pub(super) fn new(settings: &config::Attempts) -> Self {
        let account = |name, rate| rule(name, vec![LimitKey::User], rate);
        let address = |name, rate| rule(name, vec![LimitKey::Ip], rate);
        Self {
            login: [
                rule("login_account", vec![LimitKey::User, LimitKey::Ip], settings.login_account),
                account("login_account_total", settings.login_account_total),
                address("login_address", settings.login_address),
            ],
            refresh_account: [account("refresh_account", settings.refresh_account)],
            refresh_address: [address("refresh_address", settings.refresh_address)],
            validate: [
                account("validate_account", settings.validate_account),
                address("validate_address", settings.validate_address),
            ],
        }
    }
}

fn rule(name: &str, key: Vec<LimitKey>, rate: Rate) -> Arc<Rule> {
    let limit = Limit {
        key,
        rate,
        burst: u32::try_from(rate.times()).ok(),
        cost: 1,
        when_redis_fails: WhenRedisFails::Local,
        instances: 1,
        shadow: false,
    };
    // No limit of the configuration has a dot in its name.
    Arc::new(Rule::new(&format!("auth.{name}"), &limit))
}

/// The account that somebody says is theirs, before anybody knows whether it is there.
pub(super) fn claimed(tenant: &str, email: &str) -> String {
    format!("{tenant}\n{}", email.to_lowercase())
}

/// No tenant's: under it are counted the accounts that somebody only claims.
pub(super) fn nobody() -> TenantId {
    TenantId::from(Uuid::nil())
}

/// Counts an attempt.
///
/// # Errors
/// There were too many.
pub(super) async fn attempt(
    limiter: &Limiter,
    rules: &[Arc<Rule>],
    (ip, account): (IpAddr, Option<(TenantId, &str)>),
) -> Result<(), Refused> {
    let headers = HeaderMap::new();
    let subject = Subject { ip, route: "", headers: &headers, caller: account };
    let standings = limiter.take(&Ask { rules, subject, cost: None, now: Instant::now() }).await;
    let slowest = standings.iter().filter(|it| it.refuses()).map(|it| it.retry_seconds()).max();
    slowest.map_or(Ok(()), |seconds| Err(Refused::Attempts(seconds)))
}
