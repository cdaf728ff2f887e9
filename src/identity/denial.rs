//! Why a caller was not believed: a case for programs, and words for who builds a client. They say which check
//! failed, never what would have passed it.

/// Why a request has no caller although it needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// Which case it is.
    pub reason: Reason,
    /// What is wrong, for people.
    pub detail: &'static str,
}

/// The cases that a client can do something different about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no token.
    Missing,
    /// There are several, so nobody could say whose request it is.
    Repeated,
    /// It will never be believed.
    Invalid,
    /// It was good once.
    Expired,
    /// It would be good, but was taken back.
    Revoked,
    /// It cannot be checked now.
    Unavailable,
    /// It is an API key, and the database cannot be asked for it now.
    NoDatabase,
}

impl Denial {
    /// It will never be believed.
    pub(super) fn invalid(detail: &'static str) -> Self {
        Self { reason: Reason::Invalid, detail }
    }

    pub(super) const EXPIRED: Self = Self { reason: Reason::Expired, detail: "the token has expired" };
    pub(super) const REVOKED: Self = Self { reason: Reason::Revoked, detail: "the token was taken back" };
    pub(super) const NO_KEYS: Self = Self {
        reason: Reason::Unavailable,
        detail: "the keys of the token's issuer cannot be had now; try again later",
    };
    pub(super) const NO_DATABASE: Self =
        Self { reason: Reason::NoDatabase, detail: "API keys cannot be looked up now; try again later" };
    /// There is no token.
    pub const MISSING: Self =
        Self { reason: Reason::Missing, detail: "send a token as `Authorization: Bearer TOKEN`" };
    pub(super) const REPEATED: Self =
        Self { reason: Reason::Repeated, detail: "send one `Authorization` header, not several" };
}
