//! Refresh tokens: `olr_` and 256 random bits. Only a digest of one is kept. The token that follows one is derived
//! from it with the gateway's keys, and so is the id of the access token beside it: whoever asks twice within the
//! grace is given the same pair by any instance, though nobody stored it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Builder;

use crate::error::{Error, Result};
use crate::model::TokenId;

const PREFIX: &str = "olr_";
/// Letters of 256 bits in base64url.
const LETTERS: usize = 43;

/// A token that is given for a new pair. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Box<str>);

/// What follows a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// The refresh token.
    pub refresh: RefreshToken,
    /// The id of the access token.
    pub access: TokenId,
}

impl RefreshToken {
    /// A new one, which follows none.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0_u8; 32];
        let exhausted = |_| Error::internal("draw random bytes for a refresh token");
        SystemRandom::new().fill(&mut bytes).map_err(exhausted)?;
        Ok(Self::of(&bytes))
    }

    /// A token as it was sent, if it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.strip_prefix(PREFIX)?;
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (letters.len() == LETTERS && letters.bytes().all(is_letter)).then(|| Self(text.into()))
    }

    /// What it is kept and looked up by: its SHA-256. It holds 256 random bits, so that cannot be turned back.
    pub fn digest(&self) -> [u8; 32] {
        bytes(digest(&SHA256, self.0.as_bytes()).as_ref())
    }

    /// The token itself, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn of(bytes: &[u8]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)).into())
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// Derives what follows a token; one for each of the gateway's keys, the one that signs first.
pub(super) struct Derivations(Vec<hmac::Key>);

impl Derivations {
    /// By these keys in PEM.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Self {
        let key = |pem: &[u8]| {
            let pem = digest(&SHA256, pem.trim_ascii());
            hmac::Key::new(hmac::HMAC_SHA256, &[b"olympus refresh tokens ", pem.as_ref()].concat())
        };
        Self(keys.map(key).collect())
    }

    pub(super) fn successors(&self, token: &RefreshToken) -> Vec<Successor> {
        let derive = |key: &hmac::Key, what: &str| {
            let text = format!("{what} {}", token.expose());
            bytes(hmac::sign(key, text.as_bytes()).as_ref())
        };
        let successor = |key: &hmac::Key| {
            let mut id = [0; 16];
            id.iter_mut().zip(derive(key, "access")).for_each(|(to, from)| *to = from);
            Successor {
                refresh: RefreshToken::of(&derive(key, "refresh")),
                access: TokenId::from(Builder::from_custom_bytes(id).into_uuid()),
            }
        };
        self.0.iter().map(successor).collect()
    }
}

impl fmt::Debug for Derivations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Derivations({})", self.0.len())
    }
}

fn bytes(from: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_one_and_no_other_and_never_prints() {
        let (one, other) = (RefreshToken::generate().unwrap(), RefreshToken::generate().unwrap());
        assert_eq!(RefreshToken::parse(one.expose()), Some(one.clone()));
        assert_ne!(one.digest(), other.digest());
        assert!(!format!("{one:?}").contains(&one.expose()[4..]));
        for text in [
            "",
            "olr_",
            &one.expose()[..46],
            &format!("{}A", one.expose()),
            &one.expose().replace("olr_", "olk_"),
        ] {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_keys_derive_the_same_successor_and_others_another() {
        let token = RefreshToken::generate().unwrap();
        let derive = |keys: &[&'static [u8]]| Derivations::of(keys.iter().copied()).successors(&token);
        assert_eq!(derive(&[b"one"]), derive(&[b"one\n"]), "copies may end in a line or not");
        let (both, other) = (derive(&[b"two", b"one"]), derive(&[b"one"]));
        assert_eq!(both[1], other[0]);
        assert_ne!(both[0].refresh, other[0].refresh);
        assert_ne!(both[0].access, other[0].access);
        assert_ne!(both[0].refresh, token);
        assert!(RefreshToken::parse(both[0].refresh.expose()).is_some());
    }
}
