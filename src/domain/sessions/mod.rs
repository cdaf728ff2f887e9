//! Sessions: begun by a login, kept going by refresh tokens, ended by their users, by misuse, or by time.
//! Who logs in or refreshes is not a caller yet; all other functions begin with one.

mod account;
mod attempts;
mod clear;
mod ending;
mod failures;
mod login;
mod refresh;
mod refused;
mod revoke;
mod rotation;
mod terms;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::failures::Failures;
use crate::error::Result;
use crate::identity::{Feed, Issuance, RefreshToken};
use crate::limits::Limiter;
use crate::model::{ScopedRole, SessionId, TenantId, TokenId, User};
use crate::store::Store;

pub use account::Account;
pub use login::Login;
pub use refused::Refused;
pub use terms::Terms;

/// What sessions are kept with. It outlives configurations.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    limiter: Arc<Limiter>,
    feed: Feed,
    failures: Failures,
}

/// What a login or a refresh gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// Seconds for which it is good from when it was made.
    pub expires_in: i64,
    /// What is given for the next pair.
    pub refresh: RefreshToken,
    /// Seconds for which that is good from when it was made.
    pub refresh_expires_in: i64,
    /// The session.
    pub session: SessionId,
}

impl Sessions {
    /// Sessions in this database; who counts attempts; who tells all instances what was taken back.
    pub fn new(store: Store, limiter: Arc<Limiter>, feed: Feed) -> Self {
        Self { store, limiter, feed, failures: Failures::new() }
    }
}

/// A user who may come in, with the roles they have for single things.
#[derive(Debug, Clone)]
struct Guest {
    user: User,
    scoped: Vec<ScopedRole>,
}

/// Whom a pair is made for.
#[derive(Debug, Clone)]
struct Holder {
    tenant: TenantId,
    guest: Guest,
    session: SessionId,
}

impl Terms {
    /// The pair of tokens that was begun at a moment. The same for the same arguments, where signatures are.
    fn pair(
        &self,
        holder: Holder,
        (refresh, access): (RefreshToken, TokenId),
        now: DateTime<Utc>,
    ) -> Result<Pair> {
        let grant = Issuance {
            tenant: holder.tenant,
            subject: holder.guest.user.id.to_string(),
            roles: holder.guest.user.roles,
            scoped: holder.guest.scoped,
            session: Some(holder.session),
        };
        Ok(Pair {
            access: self.identity.issue_as(&grant, access, now)?,
            expires_in: self.access_ttl.num_seconds(),
            refresh,
            refresh_expires_in: self.refresh_ttl.num_seconds(),
            session: holder.session,
        })
    }
}
