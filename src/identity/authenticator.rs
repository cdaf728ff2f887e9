//! From a request's `Authorization` to its caller, by all that is known of issuers, keys and revocations.
//! Made from `[auth]` once for each configuration; what did not change goes on in the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::api_key::ApiKey;
use super::caller::Caller;
use super::denial::{Denial, Reason};
use super::passport::Passports;
use super::policy::Policy;
use super::revocations::Revocations;
use super::token::{Cache, Compact, Epoch, Issuance, Issuer, KeyMissing, Keys, Verified};
use crate::config::{self, Authentication, Period, Settings};
use crate::error::{Error, Result};
use crate::tasks::Lifecycle;
use crate::telemetry::Tokens;

/// Who is believed, and what was verified lately.
#[derive(Debug)]
pub struct Authenticator {
    settings: Authentication,
    /// What callers may do, as the settings say it and compiled.
    rules: Arc<config::Policy>,
    policy: Arc<Policy>,
    /// By what tokens call them.
    issuers: HashMap<Box<str>, Arc<Issuer>>,
    keys: Option<Arc<Keys>>,
    cache: Cache,
    passports: Passports,
    epoch: Epoch,
    revocations: Arc<Revocations>,
    tokens: Tokens,
}

impl Authenticator {
    /// All that these settings say.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn new(settings: &Settings, tokens: Tokens) -> Result<Self> {
        Self::build(settings, tokens, None)
    }

    /// What other settings make of it: issuers that did not change keep the keys they fetched. The same, where neither
    /// who is believed nor what they may do changed.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn renewed(self: &Arc<Self>, settings: &Settings) -> Result<Arc<Self>> {
        if self.settings == settings.auth && self.rules == settings.policy {
            return Ok(self.clone());
        }
        Self::build(settings, self.tokens.clone(), Some(self)).map(Arc::new)
    }

    fn build(settings: &Settings, tokens: Tokens, before: Option<&Self>) -> Result<Self> {
        let (rules, settings) = (settings.policy.clone(), &settings.auth);
        let epoch = before.map_or_else(Epoch::default, |before| before.epoch.clone());
        let keys = Keys::read(settings)?.map(Arc::new);
        let mut issuers: HashMap<Box<str>, Arc<Issuer>> = HashMap::new();
        for (name, wanted) in &settings.issuers {
            let kept = before.and_then(|before| before.issuers.get(&*wanted.issuer));
            let issuer = match kept.filter(|kept| kept.is_still(settings, wanted)) {
                Some(kept) => kept.clone(),
                None => Arc::new(Issuer::other(settings, (name, wanted), (&tokens, &epoch))?),
            };
            issuers.insert(wanted.issuer.as_str().into(), issuer);
        }
        if let Some(keys) = &keys {
            issuers.insert(settings.issuer.as_str().into(), Arc::new(Issuer::own(settings, keys.clone())));
        }
        Ok(Self {
            policy: Arc::new(Policy::compile(&rules)),
            rules,
            settings: settings.clone(),
            issuers,
            keys,
            cache: Cache::new(),
            passports: Passports::new(),
            epoch,
            revocations: before.map_or_else(Arc::default, |before| before.revocations.clone()),
            tokens,
        })
    }

    /// Begins to fetch the keys of issuers that are new.
    pub fn start(&self, lifecycle: &Lifecycle) {
        for remote in self.issuers.values().filter_map(|issuer| issuer.remote()) {
            if let Some(task) = remote.fetching() {
                lifecycle.spawn("jwks", task);
            }
        }
    }

    /// What callers may do.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// What was taken back: it outlives configurations.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// Who sent these headers; `None` where they hold no token.
    ///
    /// # Errors
    /// They hold one that is not believed.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> std::result::Result<Option<Arc<Caller>>, Denial> {
        let found = match bearer(headers) {
            Ok(None) => return Ok(None),
            Ok(Some(token)) => self.verify(token, now.timestamp()).await,
            Err(denial) => Err(denial),
        };
        let caller = found.and_then(|caller| match self.revocations.is_revoked(&caller) {
            true => Err(Denial::REVOKED),
            false => Ok(caller),
        });
        match &caller {
            Ok(_) => self.tokens.believed(),
            Err(denial) => self.tokens.refused(word(denial.reason)),
        }
        caller.map(Some)
    }

    async fn verify(&self, token: &str, now: i64) -> std::result::Result<Arc<Caller>, Denial> {
        // Before the keys are looked at: what is verified while they change is kept under the old number.
        let epoch = self.epoch.load(Ordering::Acquire);
        if let Some(verified) = self.cache.get(token, epoch, now) {
            return Ok(verified.caller.clone());
        }
        if ApiKey::is_meant_by(token) {
            return Err(Denial::invalid(match ApiKey::parse(token) {
                Some(_) => "the API key is not known",
                None => "this is no API key: a character is wrong or missing",
            }));
        }
        let mut verified = self.verify_anew(token, now).await?;
        verified.caller = Arc::new((*verified.caller).clone().ruled_by(&self.policy, &[]));
        let verified = Arc::new(verified);
        self.cache.keep(token, verified.clone(), epoch);
        Ok(verified.caller.clone())
    }

    async fn verify_anew(&self, token: &str, now: i64) -> std::result::Result<Verified, Denial> {
        let token = Compact::parse(token)?;
        let issuer = token.issuer().and_then(|name| self.issuers.get(name));
        let issuer = issuer.ok_or_else(|| {
            Denial::invalid("the token is from nobody whose tokens are taken: see its `iss`")
        })?;
        match issuer.verify(&token, now) {
            Ok(verified) => return Ok(verified),
            Err(KeyMissing::Denied(denial)) => return Err(denial),
            Err(KeyMissing::Unknown) => {}
        }
        if let Some(remote) = issuer.remote() {
            remote.renewed().await;
        }
        issuer.verify(&token, now).map_err(|missing| match missing {
            KeyMissing::Denied(denial) => denial,
            KeyMissing::Unknown => issuer.denial(),
        })
    }

    /// Makes an access token for someone; without a time to live, for as long as the settings say.
    ///
    /// # Errors
    /// There is no key to sign with, or a role's name is none.
    pub fn issue(&self, grant: &Issuance, ttl: Option<Period>, now: DateTime<Utc>) -> Result<String> {
        let keys = self.keys.as_ref().ok_or_else(no_key)?;
        let ttl = TimeDelta::from_std(ttl.unwrap_or(self.settings.access_ttl).get());
        let ttl = ttl.map_err(|error| Error::internal("issue a token").caused_by(error))?;
        keys.issue(&self.settings, grant, (now, now + ttl))
    }

    /// A caller's identity, signed for one upstream.
    ///
    /// # Errors
    /// There is no key to sign with.
    pub fn identity(
        &self,
        caller: &Arc<Caller>,
        upstream: &Arc<str>,
        now: DateTime<Utc>,
    ) -> Result<HeaderValue> {
        let keys = self.keys.as_ref().ok_or_else(no_key)?;
        self.passports.of((caller, upstream), (keys, &self.settings.issuer), now)
    }

    /// The keys that tokens made here are signed with, as a set (RFC 7517).
    pub fn published_keys(&self) -> Bytes {
        self.keys.as_ref().map_or_else(|| Bytes::from_static(b"{\"keys\":[]}"), |keys| keys.published())
    }
}

fn no_key() -> Error {
    Error::internal("there is no key to sign with: `auth.keys_dir` is not set")
}

/// The token of a request (RFC 6750 section 2.1). Other schemes are not ours to judge.
fn bearer(headers: &HeaderMap) -> std::result::Result<Option<&str>, Denial> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Denial::REPEATED);
    }
    let text = line.to_str().map_err(|_| Denial::invalid("the token has characters that no token has"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    Ok(Some(token.trim_matches(' ')))
}

/// What metrics call a refusal.
fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Missing => "missing",
        Reason::Repeated => "repeated",
        Reason::Invalid => "invalid",
        Reason::Expired => "expired",
        Reason::Revoked => "revoked",
        Reason::Unavailable => "unavailable",
    }
}
