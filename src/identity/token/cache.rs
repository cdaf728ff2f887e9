//! Tokens that were verified, so that one that comes again costs next to nothing. An entry is found by the whole
//! token: it is hashed with a secret key, by the end of its signature, and then compared byte by byte. So no two
//! tokens are ever taken for each other, whatever their hashes.

use std::hash::{Hash, Hasher, RandomState};

use quick_cache::sync::{Cache as Inner, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use super::claims::Verified;
use std::sync::Arc;

/// Bytes that all entries may take.
const CAPACITY: u64 = 32 << 20;
/// What an entry takes besides its token: the caller and the cache's own.
const BESIDES: usize = 512;
/// How many entries are expected.
const EXPECTED: usize = 20_000;
/// Of a signature, so as good as random.
const HASHED: usize = 64;

/// Verified tokens.
#[derive(Debug)]
pub(in crate::identity) struct Cache(Inner<Token, Entry, Weight, RandomState>);

#[derive(Debug, Clone)]
struct Entry {
    verified: Arc<Verified>,
    /// Which keys it was verified under.
    epoch: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token(Box<[u8]>);

#[derive(PartialEq, Eq)]
struct Asked<'t>(&'t [u8]);

#[derive(Debug, Clone)]
struct Weight;

fn hash<H: Hasher>(token: &[u8], hasher: &mut H) {
    let end = token.get(token.len().saturating_sub(HASHED)..).unwrap_or(token);
    hasher.write(end);
    hasher.write_usize(token.len());
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hash(&self.0, hasher);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hash(self.0, hasher);
    }
}

impl Equivalent<Token> for Asked<'_> {
    fn equivalent(&self, token: &Token) -> bool {
        self.0 == &*token.0
    }
}

impl Weighter<Token, Entry> for Weight {
    fn weight(&self, token: &Token, _: &Entry) -> u64 {
        (token.0.len() + BESIDES) as u64
    }
}

impl Cache {
    pub(in crate::identity) fn new() -> Self {
        let (hasher, lifecycle) = (RandomState::new(), DefaultLifecycle::default());
        Self(Inner::with(EXPECTED, CAPACITY, Weight, hasher, lifecycle))
    }

    /// What the token was verified as, if that was under the present keys and it has not expired since.
    pub(in crate::identity) fn get(&self, token: &str, epoch: u64, now: i64) -> Option<Arc<Verified>> {
        let entry = self.0.get(&Asked(token.as_bytes()))?;
        (entry.epoch == epoch && now < entry.verified.expires).then_some(entry.verified)
    }

    /// Keeps what a token was verified as.
    pub(in crate::identity) fn keep(&self, token: &str, verified: Arc<Verified>, epoch: u64) {
        self.0.insert(Token(token.as_bytes().into()), Entry { verified, epoch });
    }
}
