//! API keys: `olk_`, 40 random characters, and a checksum of six, all of letters and digits. The checksum tells a
//! slip of the hand, and what scanners for leaked secrets find, from a key without asking anybody. Only a digest of
//! a key is ever kept: it holds 238 random bits, so a plain hash cannot be turned back.

use std::fmt;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

const PREFIX: &str = "olk_";
const RANDOM: usize = 40;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Bytes from here on would make some characters likelier than others.
const FAIR: u8 = 248;

/// A key that a program calls with. It prints as its beginning only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Box<str>);

/// What is kept of a key: its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiKeyDigest(pub [u8; 32]);

impl ApiKey {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self> {
        let mut text = String::from(PREFIX);
        let mut bytes = [0_u8; 64];
        while text.len() < PREFIX.len() + RANDOM {
            SystemRandom::new()
                .fill(&mut bytes)
                .map_err(|_| Error::internal("draw random bytes for a key"))?;
            let fair = bytes.iter().filter(|byte| **byte < FAIR).map(|byte| letter(u32::from(*byte)));
            text.extend(fair.take(PREFIX.len() + RANDOM - text.len()));
        }
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text.into()))
    }

    /// Whether a text means to be a key, well-formed or not. No token begins so.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A key as it was sent, if it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let is_whole = random.len() == RANDOM + CHECKSUM && random.bytes().all(|it| ALPHABET.contains(&it));
        let (body, sum) = text.split_at_checked(PREFIX.len() + RANDOM)?;
        (is_whole && checksum(body) == sum).then(|| Self(text.into()))
    }

    /// What it is kept and looked up by.
    pub fn digest(&self) -> ApiKeyDigest {
        let digest = digest(&SHA256, self.0.as_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        ApiKeyDigest(bytes)
    }

    /// The key itself, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its beginning, by which people tell their keys apart.
    pub fn hint(&self) -> &str {
        self.0.get(..PREFIX.len() + 4).unwrap_or(PREFIX)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.hint())
    }
}

fn letter(number: u32) -> char {
    let index = usize::try_from(number % 62).unwrap_or(0);
    ALPHABET.get(index).map_or('0', |byte| char::from(*byte))
}

/// CRC-32 (ISO-HDLC) in base 62, six characters.
fn checksum(text: &str) -> String {
    let mut rest = crc32(text.as_bytes());
    let mut letters = ['0'; CHECKSUM];
    for place in letters.iter_mut().rev() {
        *place = letter(rest);
        rest /= 62;
    }
    letters.iter().collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(sum & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_new_key_is_one_and_no_other() {
        let (one, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        assert_eq!(ApiKey::parse(one.expose()), Some(one.clone()));
        assert_ne!(one.digest(), other.digest());
        assert_eq!(format!("{one:?}").chars().count(), 9);
    }

    #[test]
    fn any_one_character_changed_is_noticed() {
        let key = ApiKey::generate().unwrap();
        for place in 0..key.expose().len() {
            let mut bytes = key.expose().as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(ApiKey::parse(std::str::from_utf8(&bytes).unwrap()), None, "{place}");
        }
        for text in ["", "olk_", &key.expose()[..49], &format!("{}0", key.expose())] {
            assert_eq!(ApiKey::parse(text), None);
        }
    }
}
