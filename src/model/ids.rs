//! Identifiers, each a type of its own, so that one cannot stand for another. All are UUIDs; new ones are UUIDv7
//! (RFC 9562), which sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident)+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, later in order than all made before.
            #[expect(clippy::new_without_default, reason = "a default would hide that each call gives another")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The bare UUID, for what stores and sends it.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )+};
}

ids! {
    /// A tenant: whom all data belongs to.
    TenantId
    /// A person or a service account of one tenant.
    UserId
    /// What a login on one device began.
    SessionId
    /// One access token, as its `jti` says.
    TokenId
    /// All refresh tokens that came of one login, each from the one before.
    FamilyId
    /// A key that programs call with.
    ApiKeyId
    /// A product of one tenant.
    ProductId
    /// An order of one tenant.
    OrderId
}
