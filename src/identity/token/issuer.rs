//! One who makes tokens: its keys, and the rules its tokens are read by.

use std::sync::Arc;

use super::claims::{Rules, Verified};
use super::compact::Compact;
use super::key::{Key, KeySet};
use super::own::Keys;
use super::remote::{Freshness, Pace, Remote};
use crate::config::{self, Algorithm, Authentication};
use crate::error::{Error, Result};
use crate::identity::denial::Denial;
use crate::model::TenantId;
use crate::telemetry::Tokens;

/// Someone whose tokens are believed.
#[derive(Debug)]
pub(in crate::identity) struct Issuer {
    rules: Rules,
    source: Source,
    /// What it was made of, if it is not the gateway itself.
    settings: Option<config::Issuer>,
}

#[derive(Debug, Clone)]
enum Source {
    Own(Arc<Keys>),
    Fixed(Arc<KeySet>),
    Remote(Arc<Remote>),
}

/// Why a token was not verified.
#[derive(Debug)]
pub(in crate::identity) enum KeyMissing {
    /// It never will be.
    Denied(Denial),
    /// It names a key that the issuer may have published since.
    Unknown,
}

impl From<Denial> for KeyMissing {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Issuer {
    /// The gateway itself.
    pub(in crate::identity) fn own(settings: &Authentication, keys: Arc<Keys>) -> Self {
        let rules = Rules {
            audience: settings.audience.clone(),
            types: vec!["at+jwt".to_owned()],
            claims: config::Claims::default(),
            tenant: None,
            roles: None,
            leeway: leeway(settings),
            is_own: true,
        };
        Self { rules, source: Source::Own(keys), settings: None }
    }

    /// Another one. Its keys are fetched once [`Issuer::remote`] is started.
    ///
    /// # Errors
    /// Its key cannot be used.
    pub(in crate::identity) fn other(
        settings: &Authentication,
        (name, issuer): (&str, &config::Issuer),
        (tokens, epoch): (&Tokens, &super::remote::Epoch),
        before: Option<&Self>,
    ) -> Result<Self> {
        if let Some(before) = before.filter(|before| issuer.jwks_url.is_some() && before.fetches_as(issuer)) {
            let source = before.source.clone();
            return Ok(Self { rules: rules(settings, issuer), source, settings: Some(issuer.clone()) });
        }
        let source = match (&issuer.jwks_url, &issuer.key_file) {
            (Some(url), _) => {
                let pace = Pace { refresh: issuer.refresh.get(), ..Pace::default() };
                let remote =
                    Remote::new((name, &url.to_string()), issuer.algorithms.clone(), pace, epoch.clone());
                Source::Remote(Arc::new(remote.counted_by(tokens.clone())))
            }
            (None, Some(file)) => {
                let text = file.public_key().map_err(Error::internal)?;
                Source::Fixed(Arc::new(KeySet::of(&[super::key::read_public(text, &issuer.algorithms)?])?))
            }
            (None, None) => return Err(Error::internal(format!("issuer `{name}` has no keys"))),
        };
        Ok(Self { rules: rules(settings, issuer), source, settings: Some(issuer.clone()) })
    }

    /// Whether it is what these settings ask for: then it goes on, with the keys it has fetched.
    pub(in crate::identity) fn is_still(&self, settings: &Authentication, issuer: &config::Issuer) -> bool {
        self.settings.as_ref() == Some(issuer) && self.rules == rules(settings, issuer)
    }

    /// Whether its keys come from where these settings say, in the same way: then they need not be fetched anew,
    /// whatever else changed.
    fn fetches_as(&self, issuer: &config::Issuer) -> bool {
        self.settings.as_ref().is_some_and(|mine| {
            (&mine.jwks_url, &mine.algorithms, mine.refresh)
                == (&issuer.jwks_url, &issuer.algorithms, issuer.refresh)
        })
    }

    /// What fetches its keys, if they are.
    pub(in crate::identity) fn remote(&self) -> Option<&Arc<Remote>> {
        match &self.source {
            Source::Remote(remote) => Some(remote),
            Source::Own(_) | Source::Fixed(_) => None,
        }
    }

    /// Whether the token is one of its own and good at this Unix time.
    pub(in crate::identity) fn verify(
        &self,
        token: &Compact<'_>,
        now: i64,
    ) -> std::result::Result<Verified, KeyMissing> {
        self.rules.check_kind(token.kind.as_deref())?;
        let id = token.key.as_deref();
        match &self.source {
            Source::Own(keys) => {
                let key = id.and_then(|id| keys.verifying.find(Some(id)));
                self.check(token, key.ok_or_else(|| Denial::invalid(UNKNOWN_KEY))?, now)
            }
            Source::Fixed(keys) => self.check(token, keys.only().ok_or(KeyMissing::Unknown)?, now),
            Source::Remote(remote) => {
                let keys = remote.keys().ok_or(KeyMissing::Unknown)?;
                self.check(token, keys.find(id).ok_or(KeyMissing::Unknown)?, now)
            }
        }
    }

    fn check(&self, token: &Compact<'_>, key: &Key, now: i64) -> std::result::Result<Verified, KeyMissing> {
        key.check(token)?;
        Ok(self.rules.read(&token.claims, now)?)
    }

    /// What to say of a token whose key is still unknown after it was asked for: while the issuer cannot be asked, it
    /// may have published it since.
    pub(in crate::identity) fn denial(&self, asked: Freshness) -> Denial {
        match asked {
            Freshness::Stale => Denial::NO_KEYS,
            Freshness::Fresh => Denial::invalid(UNKNOWN_KEY),
        }
    }
}

const UNKNOWN_KEY: &str = "the token names no key that its issuer has published";

fn rules(settings: &Authentication, issuer: &config::Issuer) -> Rules {
    Rules {
        audience: issuer.audience.clone().unwrap_or_else(|| settings.audience.clone()),
        types: issuer.types.clone(),
        claims: issuer.claims.clone(),
        tenant: issuer.tenant.map(TenantId::from),
        roles: issuer.roles.clone(),
        leeway: leeway(settings),
        is_own: false,
    }
}

fn leeway(settings: &Authentication) -> i64 {
    i64::try_from(settings.leeway.get().as_secs()).unwrap_or(0)
}

/// How an issuer's keys may sign.
pub(super) type Allowed = Vec<Algorithm>;
