//! What callers may know of themselves, and of tokens of others.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::attempts::attempt;
use super::login::missing;
use super::refused::Refused;
use super::{Sessions, Terms};
use crate::domain::Visit;
use crate::error::Result;
use crate::identity::Caller;
use crate::model::{Permission, Tenant, User, UserId};
use crate::store::Work;

/// A caller as the database knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Their tenant, if it is one of ours.
    pub tenant: Option<Tenant>,
    /// Who they are, if they are one of its users: callers of other issuers need not be.
    pub user: Option<User>,
}

impl Sessions {
    /// Who the caller is.
    ///
    /// # Errors
    /// They may not know; the database does not answer.
    pub async fn account(&self, caller: &Caller, visit: &Visit) -> Result<Account> {
        caller.require_own(Permission::UsersRead, &caller.subject)?;
        let id: Option<UserId> = caller.subject.parse().ok();
        let look = |work: Work| async move {
            let tenant = work.tenants().get(caller.tenant).await.map(Some).or_else(missing)?;
            let user = match id {
                Some(id) => work.users().get(id).await.map(Some).or_else(missing)?,
                None => None,
            };
            Ok(Account { tenant, user })
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(look).await
    }

    /// Whose a token is that somebody else showed the caller; `None` for whatever is not good now, and for tokens of
    /// tenants that the caller may not enter.
    ///
    /// # Errors
    /// They may not ask, or asked too often.
    pub async fn validate(
        &self,
        caller: &Caller,
        (terms, visit): (&Terms, &Visit),
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Caller>>, Refused> {
        caller.require(Permission::TokensValidate)?;
        let who = (visit.origin.client, Some((caller.tenant, &*caller.subject)));
        attempt(&self.limiter, &terms.attempts.validate, who).await?;
        let Ok(line) = HeaderValue::try_from(format!("Bearer {token}")) else { return Ok(None) };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, line)]);
        let shown = terms.identity.authenticate(&headers, now).await.ok().flatten();
        let may_enter = |shown: &Arc<Caller>| {
            shown.tenant == caller.tenant || caller.rights.may(Permission::TenantsEnter)
        };
        Ok(shown.filter(may_enter))
    }
}
