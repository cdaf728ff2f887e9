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
    /// A digest of what was asked for.
    pub hash: [u8; 32],
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
