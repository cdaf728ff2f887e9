//! Keys that verify. Each is bound to exactly one algorithm when it is read (RFC 8725 section 3.1): what a token says
//! of its algorithm is compared with that, never followed.

use jsonwebtoken::crypto;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{self as jwt, DecodingKey};
use serde_json::Value;

use super::compact::Compact;
use crate::config::Algorithm;
use crate::error::{Error, Result};
use crate::identity::denial::Denial;

/// Most keys taken of one issuer.
const MOST: usize = 64;

/// A key that verifies.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// What tells one set from another.
    fingerprint: Vec<(Option<String>, String, Algorithm)>,
}

impl Key {
    /// A key that was made here or read from a file, under its thumbprint (RFC 7638).
    pub(super) fn of(jwk: &Jwk, algorithm: Algorithm) -> Result<Self> {
        let refuse = |error| Error::internal("read a key").caused_by(error);
        let key = DecodingKey::from_jwk(jwk).map_err(refuse)?;
        Ok(Self { id: Some(thumbprint(jwk)?), algorithm, key })
    }

    /// A key that an issuer published, if it signs tokens in one of these ways.
    fn published(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Self> {
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let algorithm = algorithm_of(jwk, allowed).filter(|_| is_for_signatures)?;
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: jwk.common.key_id.clone(), algorithm, key })
    }

    /// Whether it signed the token.
    pub(super) fn check(&self, token: &Compact<'_>) -> std::result::Result<(), Denial> {
        if token.algorithm != self.algorithm.as_str() {
            return Err(Denial::invalid("the token is not signed in the way of the key it names"));
        }
        let (message, algorithm) = (token.message.as_bytes(), library(self.algorithm));
        match crypto::verify(token.signature, message, &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Denial::invalid("the token's signature does not hold")),
        }
    }
}

impl KeySet {
    pub(super) fn of(jwks: &[(Jwk, Algorithm)]) -> Result<Self> {
        let keys = jwks.iter().map(|(jwk, algorithm)| Key::of(jwk, *algorithm)).collect::<Result<_>>()?;
        let fingerprint = jwks
            .iter()
            .map(|(jwk, algorithm)| Ok((None, thumbprint(jwk)?, *algorithm)))
            .collect::<Result<_>>()?;
        Ok(Self { keys, fingerprint })
    }

    /// The keys of a published set. What is no key, or none that is allowed, is left out: sets may hold keys of
    /// kinds that are yet to be invented.
    pub(super) fn published(document: &[u8], allowed: &[Algorithm]) -> Result<Self> {
        let document: Value = serde_json::from_slice(document)
            .map_err(|error| Error::internal("what was fetched is no JSON").caused_by(error))?;
        let listed = document.get("keys").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| Error::internal("what was fetched is no set of keys"))?;
        let (mut keys, mut fingerprint) = (Vec::new(), Vec::new());
        for value in listed.iter().take(MOST) {
            let Ok(jwk) = serde_json::from_value::<Jwk>(value.clone()) else { continue };
            let Some(key) = Key::published(&jwk, allowed) else { continue };
            fingerprint.push((key.id.clone(), thumbprint(&jwk)?, key.algorithm));
            keys.push(key);
        }
        match keys.is_empty() {
            true => Err(Error::internal("the set of keys holds none that signs in a way the issuer may")),
            false => Ok(Self { keys, fingerprint }),
        }
    }

    /// The key a token names. One that names none can only mean a key that has no other beside it.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.keys.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(_), keys) => keys.iter().find(|key| key.id.as_deref() == id),
        }
    }

    /// The one key of an issuer that has no other, whatever a token calls it.
    pub(super) fn only(&self) -> Option<&Key> {
        self.keys.first()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

/// The one way in which a published key signs: its own word, or that of its curve, or the first of RSA allowed.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library may learn of further kinds of keys")]
fn algorithm_of(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Algorithm> {
    let said = match jwk.common.key_algorithm {
        None => None,
        // What the word is, the library writes as tokens do.
        Some(word) => Some(allowed.iter().copied().find(|it| it.as_str() == word.to_string())?),
    };
    let is_allowed =
        |algorithm: &Algorithm| allowed.contains(algorithm) && said.is_none_or(|said| said == *algorithm);
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => said
            .filter(|said| said.is_rsa())
            .or_else(|| allowed.iter().copied().find(|algorithm| said.is_none() && algorithm.is_rsa())),
        AlgorithmParameters::EllipticCurve(key) => on_curve(&key.curve).filter(is_allowed),
        AlgorithmParameters::OctetKeyPair(key) => on_curve(&key.curve).filter(is_allowed),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library may learn of further curves")]
fn on_curve(curve: &EllipticCurve) -> Option<Algorithm> {
    match curve {
        EllipticCurve::Ed25519 => Some(Algorithm::EdDsa),
        EllipticCurve::P256 => Some(Algorithm::Es256),
        EllipticCurve::P384 => Some(Algorithm::Es384),
        _ => None,
    }
}

pub(super) fn thumbprint(jwk: &Jwk) -> Result<String> {
    let digest = jwk.thumbprint(ThumbprintHash::SHA256);
    digest.map_err(|error| Error::internal("take the thumbprint of a key").caused_by(error))
}

/// The library's word for an algorithm.
pub(super) fn library(algorithm: Algorithm) -> jwt::Algorithm {
    match algorithm {
        Algorithm::EdDsa => jwt::Algorithm::EdDSA,
        Algorithm::Es256 => jwt::Algorithm::ES256,
        Algorithm::Es384 => jwt::Algorithm::ES384,
        Algorithm::Rs256 => jwt::Algorithm::RS256,
        Algorithm::Rs384 => jwt::Algorithm::RS384,
        Algorithm::Rs512 => jwt::Algorithm::RS512,
        Algorithm::Ps256 => jwt::Algorithm::PS256,
        Algorithm::Ps384 => jwt::Algorithm::PS384,
        Algorithm::Ps512 => jwt::Algorithm::PS512,
    }
}

/// A public key in PEM, and the first of these ways in which it may sign.
pub(super) fn read_public(pem: &[u8], allowed: &[Algorithm]) -> Result<(Jwk, Algorithm)> {
    let readers = [DecodingKey::from_ed_pem, DecodingKey::from_ec_pem, DecodingKey::from_rsa_pem];
    for read in readers {
        let Ok(jwk) = read(pem).and_then(|key| Jwk::from_decoding_key(&key, None)) else { continue };
        if let Some(algorithm) = algorithm_of(&jwk, allowed) {
            return Ok((jwk, algorithm));
        }
    }
    Err(Error::internal("the key signs in no way that `algorithms` allows"))
}
