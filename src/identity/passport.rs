//! Who calls, as a backend is told so that it need not believe the network: a short JWT for that backend alone,
//! signed by the gateway. One is made anew when half of its life is over, so its cost is spread over many requests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::HeaderValue;
use quick_cache::sync::Cache;
use serde::Serialize;

use super::caller::Caller;
use super::token::Keys;
use crate::error::{Error, Result};
use crate::model::{SessionId, TenantId};

/// Life of one, in seconds.
const LIFE: i64 = 60;
/// The same of one whose caller is here by the leeway alone: a try or two of a backend.
const LEAST: i64 = 5;
/// Callers and upstreams whose passport is kept.
const KEPT: usize = 20_000;

/// The passports made lately.
#[derive(Debug)]
pub(super) struct Passports(Cache<(usize, usize), Passport>);

#[derive(Debug, Clone)]
struct Passport {
    /// Held, so that no other caller and no other upstream can stand at the same addresses while this is kept.
    caller: Arc<Caller>,
    upstream: Arc<str>,
    value: HeaderValue,
    made: i64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    tenant: TenantId,
    roles: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

impl Passports {
    pub(super) fn new() -> Self {
        Self(Cache::new(KEPT))
    }

    /// The passport of a caller for an upstream. It never outlives what the caller called with.
    pub(super) fn of(
        &self,
        (caller, upstream): (&Arc<Caller>, &Arc<str>),
        (keys, issuer): (&Keys, &str),
        now: DateTime<Utc>,
    ) -> Result<HeaderValue> {
        let now = now.timestamp();
        let place = (Arc::as_ptr(caller).addr(), upstream.as_ptr().addr());
        if let Some(kept) = self.0.get(&place) {
            let is_same = Arc::ptr_eq(&kept.caller, caller) && Arc::ptr_eq(&kept.upstream, upstream);
            if is_same && (kept.made..kept.made + LIFE / 2).contains(&now) {
                return Ok(kept.value);
            }
        }
        let claims = Claims {
            iss: issuer,
            sub: &caller.subject,
            aud: upstream,
            // The caller may be here by the leeway; who is told must be able to believe it.
            exp: (now + LIFE).min(caller.expires.timestamp().max(now + LEAST)),
            iat: now,
            tenant: caller.tenant,
            roles: &caller.roles,
            sid: caller.session,
        };
        let token = keys.sign("olympus-identity+jwt", &claims)?;
        let value = HeaderValue::try_from(token);
        let value = value.map_err(|error| Error::internal("write an identity").caused_by(error))?;
        let (caller, upstream) = (caller.clone(), upstream.clone());
        self.0.insert(place, Passport { caller, upstream, value: value.clone(), made: now });
        Ok(value)
    }
}
