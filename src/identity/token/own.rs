//! The gateway's own keys: they sign tokens and identities, and are published for others to verify them by.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{CommonParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{EncodingKey, Header, encode};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::Serialize;

use super::claims::{is_role, is_thing};
use super::key::{KeySet, library, thumbprint};
use crate::config::{self, Algorithm, KeyFile};
use crate::error::{Error, Kind, Result};
use crate::identity::refresh::{Derivations, RefreshToken, Successor};
use crate::identity::seal::Seals;
use crate::model::{ScopedRole, SessionId, TenantId, TokenId};

/// What an Ed25519 key of PKCS#8 begins with (RFC 8410 section 7); 32 random bytes follow.
const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The keys of `auth.keys_dir`.
#[derive(Debug)]
pub(in crate::identity) struct Keys {
    pub(super) verifying: KeySet,
    signer: Signer,
    published: Bytes,
    derivations: Derivations,
    seals: Seals,
}

struct Signer {
    header: Header,
    key: EncodingKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?})", self.header.kid)
    }
}

/// Whom an access token is made for.
#[derive(Debug, Clone)]
pub struct Issuance {
    /// Whose data they see.
    pub tenant: TenantId,
    /// Who they are.
    pub subject: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// Those they have for single things only.
    pub scoped: Vec<ScopedRole>,
    /// Their login, if there was one.
    pub session: Option<SessionId>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: TokenId,
    tenant: TenantId,
    roles: &'a [String],
    /// Things by the role that is had for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    grants: BTreeMap<&'a str, Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

impl Keys {
    /// Reads the keys of a folder.
    ///
    /// # Errors
    /// A file holds no key that may be used; the message names it.
    pub(in crate::identity) fn read(settings: &config::Authentication) -> Result<Option<Self>> {
        let Some(folder) = &settings.keys_dir else { return Ok(None) };
        let mut keys = Vec::new();
        let mut signer = None;
        for file in folder.files() {
            let (key, jwk, algorithm) = read(file, &settings.algorithms)?;
            if !file.is_upcoming() {
                let mut header = Header::new(library(algorithm));
                header.kid = Some(thumbprint(&jwk)?);
                signer = Some(Signer { header, key });
            }
            keys.push((jwk, algorithm));
        }
        let none = || Error::internal(format!("{folder} holds no key that may sign yet"));
        Ok(Some(Self {
            verifying: KeySet::of(&keys)?,
            signer: signer.ok_or_else(none)?,
            published: publish(keys)?,
            derivations: Derivations::of(in_turn(folder.files())),
            seals: Seals::of(in_turn(folder.files())),
        }))
    }

    /// The set of public keys (RFC 7517).
    pub(in crate::identity) fn published(&self) -> Bytes {
        self.published.clone()
    }

    /// Signs claims as a token of a kind.
    pub(in crate::identity) fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String> {
        let header = Header { typ: Some(kind.to_owned()), ..self.signer.header.clone() };
        let token = encode(&header, claims, &self.signer.key);
        token.map_err(|error| Error::internal("sign a token").caused_by(error))
    }

    /// What may follow a refresh token: what the key that signs says first, then the others of the folder, which may
    /// have signed a moment ago or here or there already.
    pub(in crate::identity) fn successors(&self, token: &RefreshToken) -> Vec<Successor> {
        self.derivations.successors(token)
    }

    /// What proves that a text was written with these keys.
    pub(in crate::identity) fn seals(&self) -> &Seals {
        &self.seals
    }

    /// Makes an access token (RFC 9068).
    pub(in crate::identity) fn issue(
        &self,
        settings: &config::Authentication,
        grant: &Issuance,
        (now, expires): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<String> {
        self.issue_as(settings, (grant, TokenId::new()), (now, expires))
    }

    /// The same under an id that was chosen before.
    pub(in crate::identity) fn issue_as(
        &self,
        settings: &config::Authentication,
        (grant, id): (&Issuance, TokenId),
        (now, expires): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<String> {
        if let Some(role) = grant.roles.iter().find(|role| !is_role(role)) {
            return Err(Error::new(Kind::Invalid, format!("this is no name of a role: {role:?}")));
        }
        let mut grants: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for ScopedRole { role, thing } in &grant.scoped {
            if !is_role(role) || !is_thing(thing) {
                let message = format!("this is no role for one thing: {role:?} for {thing:?}");
                return Err(Error::new(Kind::Invalid, message));
            }
            grants.entry(role).or_default().push(thing);
        }
        let claims = Claims {
            iss: &settings.issuer,
            sub: &grant.subject,
            aud: &settings.audience,
            exp: expires.timestamp(),
            nbf: now.timestamp(),
            iat: now.timestamp(),
            jti: id,
            tenant: grant.tenant,
            roles: &grant.roles,
            grants,
            sid: grant.session,
        };
        self.sign("at+jwt", &claims)
    }
}

/// The keys of a folder, the one that signs first.
fn in_turn(files: &[KeyFile]) -> impl Iterator<Item = &[u8]> {
    let signer = files.iter().rposition(|file| !file.is_upcoming());
    let first = signer.and_then(|at| files.get(at));
    let others = files.iter().enumerate().filter(move |(at, _)| Some(*at) != signer).map(|(_, file)| file);
    first.into_iter().chain(others).map(|file| file.pem.expose())
}

type Pair = (EncodingKey, Jwk, Algorithm);

/// Reads one kind of keys.
type Reader = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;

/// The key of a file, and the first way allowed in which it may sign.
fn read(file: &KeyFile, allowed: &[Algorithm]) -> Result<Pair> {
    let pem = file.pem.expose();
    for algorithm in allowed.iter().copied() {
        let read: Reader = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_pem,
            Algorithm::Es256 | Algorithm::Es384 => EncodingKey::from_ec_pem,
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => EncodingKey::from_rsa_pem,
        };
        let Ok(key) = read(pem) else { continue };
        if let Ok(jwk) = Jwk::from_encoding_key(&key, library(algorithm)) {
            return Ok((key, jwk, algorithm));
        }
    }
    let message = format!("{} holds no key in PKCS#8 that signs as `auth.algorithms` allows", file.pem);
    Err(Error::internal(message))
}

fn publish(keys: Vec<(Jwk, Algorithm)>) -> Result<Bytes> {
    let describe = |(mut jwk, _): (Jwk, Algorithm)| {
        let kid = thumbprint(&jwk)?;
        jwk.common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_id: Some(kid),
            ..jwk.common
        };
        Ok(jwk)
    };
    let keys = keys.into_iter().map(describe).collect::<Result<Vec<_>>>()?;
    let text = serde_json::to_vec(&serde_json::json!({ "keys": keys }));
    text.map(Bytes::from).map_err(|error| Error::internal("write the set of keys").caused_by(error))
}

/// A new private key, in PEM (PKCS#8).
///
/// # Errors
/// Keys of that kind are not made here, or the system has no randomness to give.
pub fn new_key(algorithm: Algorithm) -> Result<String> {
    let random = SystemRandom::new();
    let exhausted = |_| Error::internal("draw random bytes for a key");
    let der = match algorithm {
        Algorithm::EdDsa => {
            let mut seed = [0; 32];
            random.fill(&mut seed).map_err(exhausted)?;
            [&ED25519[..], &seed].concat()
        }
        Algorithm::Es256 => {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
            made.map_err(exhausted)?.as_ref().to_vec()
        }
        Algorithm::Es384
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => {
            let message =
                format!("keys for {} are not made here; `openssl genpkey` makes them", algorithm.as_str());
            return Err(Error::new(Kind::Invalid, message));
        }
    };
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}
