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
use super::key_ring::KeyRing;
use super::passport::Passports;
use super::policy::Policy;
use super::refresh::{RefreshToken, Successor};
use super::revocations::Revocations;
use super::seal::SEAL;
use super::token::{Cache, Compact, Epoch, Freshness, Issuance, Issuer, KeyMissing, Keys, Verified};
use crate::config::{self, Authentication, Period, Settings};
use crate::error::{Error, Result};
use crate::model::{RequestDigests, TokenId};
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
    /// One for all configurations: those before this one may live on in long requests, and what they verified does not
    /// count here.
    cache: Arc<Cache>,
    generation: u64,
    passports: Arc<Passports>,
    epoch: Epoch,
    revocations: Arc<Revocations>,
    ring: Option<Arc<KeyRing>>,
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

    /// The same, with what is taken back elsewhere too.
    #[must_use]
    pub fn with_revocations(self, revocations: Arc<Revocations>) -> Self {
        Self { revocations, ..self }
    }

    /// The same, for callers with API keys too.
    #[must_use]
    pub fn with_keys(self, ring: Arc<KeyRing>) -> Self {
        Self { ring: Some(ring), ..self }
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
                None => Arc::new(Issuer::other(
                    settings,
                    (name, wanted),
                    (&tokens, &epoch),
                    kept.map(|kept| &**kept),
                )?),
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
            cache: before.map_or_else(|| Arc::new(Cache::new()), |before| before.cache.clone()),
            generation: before.map_or(0, |before| before.generation + 1),
            passports: before.map_or_else(|| Arc::new(Passports::new()), |before| before.passports.clone()),
            epoch,
            revocations: before.map_or_else(Arc::default, |before| before.revocations.clone()),
            ring: before.and_then(|before| before.ring.clone()),
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
        self.count(&caller);
        caller.map(Some)
    }

    fn count<T>(&self, found: &std::result::Result<T, Denial>) {
        match found {
            Ok(_) => self.tokens.believed(),
            Err(denial) => self.tokens.refused(word(denial.reason)),
        }
    }

    /// The same, where API keys are taken in the place of tokens.
    ///
    /// # Errors
    /// They hold one that is not believed.
    pub async fn authenticate_with_keys(
        &self,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> std::result::Result<Option<Arc<Caller>>, Denial> {
        let (Ok(Some(text)), Some(ring)) = (bearer(headers), &self.ring) else {
            return self.authenticate(headers, now).await;
        };
        if !ApiKey::is_meant_by(text) {
            return self.authenticate(headers, now).await;
        }
        let found = match ApiKey::parse(text) {
            // Boxed: it may ask the database, and every request would keep room for that.
            Some(key) => Box::pin(ring.caller(&key, now)).await,
            None => Err(Denial::invalid("this is no API key: a character is wrong or missing")),
        };
        self.count(&found);
        let (mut caller, grants, scopes) = found?;
        caller = caller.ruled_by(&self.policy, &grants);
        caller.rights = caller.rights.within(&scopes);
        Ok(Some(Arc::new(caller)))
    }

    async fn verify(&self, token: &str, now: i64) -> std::result::Result<Arc<Caller>, Denial> {
        // Before the keys are looked at: what is verified while they change is kept under the old number.
        let epoch = self.generation << 32 | self.epoch.load(Ordering::Acquire);
        if let Some(verified) = self.cache.get(token, epoch, now) {
            return Ok(verified.caller.clone());
        }
        if ApiKey::is_meant_by(token) {
            return Err(Denial::invalid("no API key is taken here: send a token"));
        }
        // Boxed: it may ask the issuer, and every request would keep room for that.
        let mut verified = Box::pin(self.verify_anew(token, now)).await?;
        let grants = std::mem::take(&mut verified.grants);
        verified.caller = Arc::new((*verified.caller).clone().ruled_by(&self.policy, &grants));
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
        let asked = match issuer.remote() {
            Some(remote) => remote.renewed().await,
            None => Freshness::Fresh,
        };
        issuer.verify(&token, now).map_err(|missing| match missing {
            KeyMissing::Denied(denial) => denial,
            KeyMissing::Unknown => issuer.denial(asked),
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
        let end = now.checked_add_signed(ttl);
        let end = end.ok_or_else(|| Error::internal("issue a token: no calendar goes so far"))?;
        keys.issue(&self.settings, grant, (now, end))
    }

    /// Makes an access token under an id that was chosen before.
    ///
    /// # Errors
    /// As [`Authenticator::issue`].
    pub fn issue_as(&self, grant: &Issuance, id: TokenId, now: DateTime<Utc>) -> Result<String> {
        let keys = self.keys.as_ref().ok_or_else(no_key)?;
        keys.issue_as(&self.settings, (grant, id), (now, now + self.settings.access_ttl.get()))
    }

    /// What may follow a refresh token. The first is to be given; one of the others may have been, while keys change.
    ///
    /// # Errors
    /// There is no key to derive it with.
    pub fn successors(&self, token: &RefreshToken) -> Result<Vec<Successor>> {
        self.keys.as_ref().map(|keys| keys.successors(token)).ok_or_else(no_key)
    }

    /// What proves later that this text was written here, or by a gateway with the same keys.
    ///
    /// # Errors
    /// There is no key to derive it with.
    pub fn seal(&self, text: &[u8]) -> Result<[u8; SEAL]> {
        self.keys.as_ref().and_then(|keys| keys.seals().seal(text)).ok_or_else(no_key)
    }

    /// Whether this is the seal of a text.
    pub fn is_sealed(&self, text: &[u8], seal: &[u8; SEAL]) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.seals().is_of(seal, text))
    }

    /// What a request asks for, as it may be kept: by all keys, so that it is known again while they change.
    ///
    /// # Errors
    /// There is no key to digest it with.
    pub fn digests(&self, request: &[u8]) -> Result<RequestDigests> {
        let digests = self.keys.as_ref().map(|keys| keys.seals().digests(request));
        digests.and_then(RequestDigests::of).ok_or_else(no_key)
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
        Reason::Unavailable | Reason::NoDatabase => "unavailable",
    }
}
