//! Seals: short proofs that a text was written by this gateway or one that shares its keys, such as the cursors of
//! lists; and digests of what is kept to be compared only, which nobody without those keys can try texts against. Both are
//! derived from the keys that sign tokens, so nothing more has to be kept or shared.

use std::fmt;

use ring::digest::{SHA256, digest};
use ring::hmac;

use crate::model::RequestDigest;

/// Bytes of a seal: those that say by which key, and those of the proof (128 bits of an HMAC).
pub const SEAL: usize = KEY_ID + PROOF;
const KEY_ID: usize = 4;
const PROOF: usize = 16;
/// Before each text that is digested: so no seal, which clients see, is the beginning of a digest.
const DIGESTED: &[u8] = b"olympus digest of a request ";

/// One key for each of the gateway's, the one that signs first.
pub(super) struct Seals(Vec<(hmac::Key, [u8; KEY_ID])>);

impl Seals {
    /// By these keys in PEM.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Self {
        let key = |pem: &[u8]| {
            let pem = digest(&SHA256, pem.trim_ascii());
            let key = hmac::Key::new(hmac::HMAC_SHA256, &[b"olympus seals ", pem.as_ref()].concat());
            let id = first(hmac::sign(&key, b"the id of this key").as_ref());
            (key, id)
        };
        Self(keys.map(key).collect())
    }

    /// The seal of a text; `None` without keys.
    pub(super) fn seal(&self, text: &[u8]) -> Option<[u8; SEAL]> {
        let (key, id) = self.0.first()?;
        let proof: [u8; PROOF] = first(hmac::sign(key, text).as_ref());
        Some(first(&[&id[..], &proof[..]].concat()))
    }

    /// The digests of a request by all keys, the one that signs first: each with the bytes that say by which key.
    pub(super) fn digests(&self, request: &[u8]) -> Vec<RequestDigest> {
        let text = [DIGESTED, request].concat();
        self.0.iter().map(|(key, id)| first(&[&id[..], hmac::sign(key, &text).as_ref()].concat())).collect()
    }

    /// Whether this is the seal of a text, made with the key it names, which need not be the one that signs now.
    pub(super) fn is_of(&self, seal: &[u8; SEAL], text: &[u8]) -> bool {
        let (id, proof) = seal.split_at(KEY_ID);
        let named = self.0.iter().find(|(_, known)| known == id);
        named.is_some_and(|(key, _)| {
            let expected: [u8; PROOF] = first(hmac::sign(key, text).as_ref());
            // Every byte is looked at, so that the time it takes tells nothing.
            expected.iter().zip(proof).fold(0, |seen, (one, other)| seen | (one ^ other)) == 0
        })
    }
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seals({})", self.0.len())
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_known_by_its_key_while_that_is_there() {
        let (old, both, new) = (
            Seals::of([&b"one"[..]].into_iter()),
            Seals::of([&b"two"[..], b"one"].into_iter()),
            Seals::of([&b"two"[..]].into_iter()),
        );
        let seal = old.seal(b"text").unwrap();
        assert!(old.is_of(&seal, b"text") && both.is_of(&seal, b"text"));
        assert!(!new.is_of(&seal, b"text"), "its key is gone");
        assert!(!old.is_of(&seal, b"texts"));
        assert_ne!(both.seal(b"text"), Some(seal), "the key that signs seals");
        for place in 0..SEAL {
            let mut other = seal;
            other[place] ^= 1;
            assert!(!both.is_of(&other, b"text"), "byte {place}");
        }
        assert_eq!(Seals::of(std::iter::empty()).seal(b"text"), None);
    }

    #[test]
    fn a_digest_is_of_its_request_and_its_key_and_found_again_after_a_rotation() {
        let keys = |keys: &[&'static [u8]]| Seals::of(keys.iter().copied());
        let before = keys(&[b"one"]).digests(b"request");
        let after = keys(&[b"two", b"one"]).digests(b"request");
        assert_eq!((before.len(), &before[..], &after[1..]), (1, &after[1..], &before[..]));
        assert_ne!(after[0][..KEY_ID], after[1][..KEY_ID]);
        assert_ne!(after[0][KEY_ID..], after[1][KEY_ID..], "without its key nobody comes to it");
        assert_ne!(keys(&[b"one"]).digests(b"requests")[0][KEY_ID..], before[0][KEY_ID..]);
        let seal = keys(&[b"one"]).seal(b"request").unwrap();
        assert_ne!(before[0][KEY_ID..SEAL], seal[KEY_ID..], "what clients are shown is something else");
        assert!(keys(&[]).digests(b"request").is_empty());
    }
}
