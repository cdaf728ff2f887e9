//! Tokens: JWTs (RFC 7519) by the best practices of RFC 8725, and access tokens by RFC 9068.

mod cache;
mod claims;
mod compact;
mod issuer;
mod key;
mod own;
mod remote;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod remote_tests;

pub(super) use cache::Cache;
pub(super) use claims::Verified;
pub(super) use compact::Compact;
pub(super) use issuer::{Issuer, KeyMissing};
pub(super) use own::Keys;
pub use own::{Issuance, new_key};
pub(super) use remote::{Epoch, Freshness};
