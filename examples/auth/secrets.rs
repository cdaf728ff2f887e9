//! Secrets that are compared, never shown: tokens are made here and kept only as digests.

use argon2::password_hash::rand_core::{OsRng, RngCore};
use blake2::{Blake2s256, Digest as _};

/// BLAKE2s of a token. Enough for tokens with 256 random bits; passwords go through argon2id instead.
///
/// Comparing digests instead of tokens also leaves nothing to learn from how long a comparison takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(token: &str) -> Self {
        Self(Blake2s256::digest(token.as_bytes()).into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A new opaque token of 256 random bits, in hexadecimal.
pub(crate) fn new_token() -> String {
    let mut bytes = [0_u8; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
