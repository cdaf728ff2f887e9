//! The end of a user: at once here, with all they had; at the auth service as soon as it answers.

use super::account::intent;
use super::rules::{leave_somebody, may_rule};
use super::{Errands, Users, entry, record, require, take_back};
use crate::error::Result;
use crate::identity::Caller;
use crate::model::{Expected, Permission, SessionEnd, UserId, UserStatus};
use crate::store::Work;

impl Users {
    /// Takes a user of an expected version away, with their roles, sessions, tokens and API keys. Orders keep their id.
    ///
    /// # Errors
    /// They may not; there is none, as far as they may know; they are of another version; the tenant would have nobody
    /// left who may give roles.
    pub async fn remove(
        &self,
        caller: &Caller,
        (id, expected): (UserId, &Expected),
        errands: Errands<'_>,
    ) -> Result<()> {
        caller.require_any(Permission::UsersDelete)?;
        let (intent, entry) = (&intent(id, errands), &entry(caller, errands.visit, ("user.deleted", id)));
        let remove = |work: Work| async move {
            let user = work.users().lock(id).await?;
            require(caller, Permission::UsersDelete, id)?;
            expected.require("user", user.version)?;
            may_rule(caller, &user)?;
            leave_somebody(&work, caller, &user, (UserStatus::Suspended, &[])).await?;
            let is_own = work.intents().begin(intent).await?;
            work.sessions().end_others(id, None, (SessionEnd::Revoked, errands.now)).await?;
            work.api_keys().revoke_all(id).await?;
            // Their roles go after them, so that it is told which they had.
            let gone = work.users().delete(id, expected).await?;
            work.users().take_all(id).await?;
            record(&work, &gone, entry.clone(), "user.deleted").await?;
            Ok((take_back(&work, caller.tenant, id).await?, is_own))
        };
        let tenant = self.store.tenant(caller.tenant).within(errands.visit.left());
        let (recorded, is_own) = tenant.run(remove).await?;
        self.feed.announce(vec![recorded]);
        self.carry_on((caller.tenant, id), is_own, errands).await;
        Ok(())
    }
}
