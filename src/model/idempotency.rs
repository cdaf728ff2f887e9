//! Requests that are done once, however often they are sent (`Idempotency-Key`).

use super::TenantId;

/// What tells a request from others of the same caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceKey {
    /// In whose tenant it was sent.
    pub tenant: TenantId,
    /// Who sent it.
    pub caller: String,
    /// The key they chose: 1 to 255 visible characters.
    pub key: String,
    /// What was asked for.
    pub request: RequestDigests,
}

/// What a request asks for, as it is kept: its digest by each of the gateway's keys, which the database does not hold, so
/// that nobody who reads it can try what a request may have said. The key that signs comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDigests(Vec<RequestDigest>);

/// The digest of a request by one key, behind the short name of that key.
pub type RequestDigest = [u8; 36];

/// Bytes of a digest that name its key.
const KEY_NAME: usize = 4;

impl RequestDigests {
    /// The digests by all keys, that of the one that signs first; `None` without keys.
    pub fn of(digests: Vec<RequestDigest>) -> Option<Self> {
        (!digests.is_empty()).then_some(Self(digests))
    }

    /// What is kept, which is the first, and all that it may have been kept as before.
    pub fn all(&self) -> &[RequestDigest] {
        &self.0
    }

    /// Whether a request that was kept so is this one, as far as anybody can tell. Where the key is gone that it was
    /// digested with nobody can: then the client is believed, who says so by sending its key again. To call it another
    /// request would have the client choose a new key, and what was done would be done twice.
    pub fn may_be(&self, kept: &[u8]) -> bool {
        let name = kept.get(..KEY_NAME);
        let is_known = self.0.iter().any(|digest| digest.get(..KEY_NAME) == name);
        !is_known || self.0.iter().any(|digest| digest == kept)
    }
}

/// What came of a claim on a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The request is ours to do.
    Ours,
    /// It was done, and answered so.
    Answered(StoredAnswer),
    /// Somebody is doing it.
    InProgress,
    /// The key belongs to another request.
    Mismatch,
}

/// An answer as it is kept, to be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(key: u8, request: u8) -> RequestDigest {
        let mut digest = [request; 36];
        digest[..KEY_NAME].fill(key);
        digest
    }

    #[test]
    fn a_request_is_told_from_others_while_the_key_is_there_that_it_was_digested_with() {
        let request = RequestDigests::of(vec![digest(2, 7), digest(1, 8)]).unwrap();
        assert!(request.may_be(&digest(2, 7)), "by the key that signs");
        assert!(request.may_be(&digest(1, 8)), "by the one before");
        assert!(!request.may_be(&digest(2, 8)) && !request.may_be(&digest(1, 7)), "another request");
        assert!(request.may_be(&digest(3, 1)), "by a key that is gone");
        assert!(request.may_be(&[9; 32]) && request.may_be(&[]), "from before there were keys");
        assert_eq!(RequestDigests::of(Vec::new()), None);
    }
}
