//! The caller of a request, as its token or key said and was believed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::{ApiKeyId, SessionId, TenantId, TokenId};

/// Who is calling. Made only from what was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data they see.
    pub tenant: TenantId,
    /// Who they are within the tenant: the id of a user, or what another issuer calls them. Visible ASCII.
    pub subject: Arc<str>,
    /// The names of their roles, in the order the token says them. Visible ASCII without commas.
    pub roles: Arc<[Box<str>]>,
    /// The login this came of, if it came of one.
    pub session: Option<SessionId>,
    /// The token that said so, if it has an id.
    pub token: Option<TokenId>,
    /// The key that said so, if it was one.
    pub key: Option<ApiKeyId>,
    /// Since when this is said.
    pub issued: DateTime<Utc>,
    /// When they will have to say it anew.
    pub expires: DateTime<Utc>,
}
