//! `[auth]`: who may vouch for a caller, and how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attempts, Cookie};
use crate::config::{Algorithm, HttpUrl, KeyFolder, PemFile, Period};

/// `[auth]`: tokens made here, and further issuers of tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authentication {
    /// Who tokens made here say they are from (`iss`). Other gateways and backends know them by it.
    pub issuer: String,
    /// Whom tokens must be for (`aud`), made here and elsewhere.
    pub audience: String,
    /// How long an access token made here is good for.
    pub access_ttl: Period,
    /// How long a session lasts from its last refresh.
    pub refresh_ttl: Period,
    /// How long a refresh token that was used may come again, from the same device, and be given the same new pair. Up
    /// to 1m; 0s: not at all.
    pub refresh_grace: Period,
    /// How far the clocks of issuers may be off, either way. Up to 2m.
    pub leeway: Period,
    /// Folder with the private keys (`*.pem`) that tokens are signed with. The last by name signs, all of them
    /// verify; those that end in `.next.pem` do not sign yet. Absent: no tokens are made here.
    pub keys_dir: Option<KeyFolder>,
    /// How keys in `keys_dir` may sign.
    pub algorithms: Vec<Algorithm>,
    /// What was taken back before it expired.
    pub revocation: Revocation,
    /// Further issuers, by a name for logs and metrics.
    pub issuers: BTreeMap<String, Issuer>,
    /// How often somebody may try to log in, to refresh or to validate.
    pub attempts: Attempts,
    /// Tokens of browsers in cookies. Absent: cookies are not looked at.
    pub cookie: Option<Cookie>,
}

impl Default for Authentication {
    fn default() -> Self {
        Self {
            issuer: "olympus".to_owned(),
            audience: "olympus".to_owned(),
            access_ttl: Period::seconds(15 * 60),
            refresh_ttl: Period::seconds(30 * 24 * 3600),
            refresh_grace: Period::seconds(10),
            leeway: Period::seconds(5),
            keys_dir: None,
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256],
            revocation: Revocation::default(),
            issuers: BTreeMap::new(),
            attempts: Attempts::default(),
            cookie: None,
        }
    }
}

impl Authentication {
    /// Whether there is anybody whose tokens could be believed.
    pub fn can_verify(&self) -> bool {
        self.keys_dir.is_some() || !self.issuers.is_empty()
    }
}

/// `[auth.revocation]`: what holds when an instance does not hear what was taken back elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Revocation {
    /// How long neither Postgres nor Redis may have been heard of. Longer than 2s.
    pub max_staleness: Period,
    /// What routes that are `sensitive` do then.
    pub when_stale: WhenStale,
}

impl Default for Revocation {
    fn default() -> Self {
        Self { max_staleness: Period::seconds(30), when_stale: WhenStale::Refuse }
    }
}

/// What sensitive routes do while a revocation may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenStale {
    /// They answer 503.
    Refuse,
    /// They go by what is known.
    Allow,
}

/// `[auth.issuers.NAME]`: someone else whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Who its tokens say they are from (`iss`), to the letter.
    pub issuer: String,
    /// Where its keys are published as a JSON Web Key Set.
    #[serde(default)]
    pub jwks_url: Option<HttpUrl>,
    /// Pause between two looks at `jwks_url`. A key nobody knows is looked for at once, every 10s at most.
    #[serde(default = "refresh")]
    pub refresh: Period,
    /// Its one public key, where it publishes none.
    #[serde(default)]
    pub key_file: Option<PemFile>,
    /// How its keys may sign. A key of RSA that does not say how it signs takes the first of these that fits.
    #[serde(default = "algorithms")]
    #[schemars(length(min = 1))]
    pub algorithms: Vec<Algorithm>,
    /// Whom its tokens must be for (`aud`). Absent: as `auth.audience`.
    #[serde(default)]
    pub audience: Option<String>,
    /// What its tokens may say they are (`typ`), in any case. Empty: anything, also an ID token.
    #[serde(default = "types")]
    pub types: Vec<String>,
    /// Where its tokens say what.
    #[serde(default)]
    pub claims: Claims,
    /// The tenant all of its users belong to. Absent: its tokens say so.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "tenant-id"))]
    pub tenant: Option<Uuid>,
    /// The roles it may give; others that its tokens name are left out. Absent: all it names.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
}

fn refresh() -> Period {
    Period::seconds(10 * 60)
}
fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
}
fn types() -> Vec<String> {
    vec!["at+jwt".to_owned()]
}

/// `claims`: names of claims. One that a token has not may be a path, as `realm_access.roles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// Who it is within the tenant.
    pub subject: String,
    /// The tenant's id, a UUID.
    pub tenant: String,
    /// The roles: a list, or words with spaces between.
    pub roles: String,
}

impl Default for Claims {
    fn default() -> Self {
        Self { subject: "sub".to_owned(), tenant: "tenant".to_owned(), roles: "roles".to_owned() }
    }
}
