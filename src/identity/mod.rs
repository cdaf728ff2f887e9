//! Who is calling, and what they may do.

mod api_key;
mod authenticator;
mod caller;
mod denial;
mod feed;
mod key_ring;
mod passport;
mod policy;
mod refresh;
mod revocations;
mod seal;
mod token;

pub use api_key::{ApiKey, ApiKeyDigest};
pub use authenticator::Authenticator;
pub use caller::Caller;
pub use denial::{Denial, Reason};
pub use feed::{Feed, Sources};
pub use key_ring::KeyRing;
pub use policy::{Decision, Demand, Entry, Grant, Holder, Policy, Reach, Rights, Shortfall, Single, Thing};
pub use refresh::{RefreshToken, Successor};
pub use revocations::Revocations;
pub use seal::SEAL;
pub use token::{Issuance, new_key};

pub use crate::model::Revocation;
