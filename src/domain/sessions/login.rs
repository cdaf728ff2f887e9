//! A login: the auth service says whose the credentials are, the database whether they may come in and what they are.

use chrono::{DateTime, Utc};

use super::attempts::{attempt, claimed, nobody};
use super::refused::Refused;
use super::{Guest, Holder, Pair, Sessions, Terms};
use crate::backends::{self, Account};
use crate::config::Secret;
use crate::domain::Visit;
use crate::error::{Error, Kind, Result};
use crate::identity::RefreshToken;
use crate::model::{
    FamilyId, NewSession, RefreshRecord, SessionId, Tenant, TenantId, TenantStatus, TokenId, UserId,
    UserStatus,
};
use crate::store::Work;

/// What somebody says to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The short name of their tenant.
    pub tenant: String,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret,
}

impl Sessions {
    /// Begins a session on the device of the visit.
    ///
    /// # Errors
    /// They are not known, or may not come in; which of both is not said. They tried too often. The auth service or
    /// the database does not answer.
    pub async fn log_in(
        &self,
        terms: &Terms,
        visit: &Visit,
        login: &Login,
        now: DateTime<Utc>,
    ) -> Result<Pair, Refused> {
        let account = claimed(&login.tenant, &login.email);
        let who = (visit.origin.client, Some((nobody(), account.as_str())));
        attempt(&self.limiter, &terms.attempts.login, who).await?;
        let find = |work: Work| async move { work.tenants().find(&login.tenant).await };
        // Both are always asked, so that the time tells nothing of tenants.
        let (account, tenant) = futures_util::future::join(
            self.holder_of(terms, visit, login),
            self.store.platform().within(visit.left()).run(find),
        )
        .await;
        let (account, tenant) = (account?, tenant?);
        let Some(tenant) = tenant else { return Err(Refused::Unknown) };
        let begun = match &account {
            Some(account) => self.begin(terms, visit, (&tenant, account), now).await?,
            None => None,
        };
        match begun {
            Some((holder, refresh)) => Ok(terms.pair(holder, (refresh, TokenId::new()), now)?),
            None => {
                self.failures.note(visit, tenant.id, &login.email);
                Err(Refused::Unknown)
            }
        }
    }

    /// Whose the credentials are, as the auth service knows them.
    async fn holder_of(&self, terms: &Terms, visit: &Visit, login: &Login) -> Result<Option<Account>> {
        let (auth, errand) = terms.credentials(visit)?;
        let Login { tenant, email, password } = login;
        match auth.login(&errand, backends::Login { tenant, email, password }).await {
            Err(error) if error.kind() == Kind::Invalid => Ok(None),
            answer => answer,
        }
    }

    /// Begins a session, unless the database does not know the account, or does not let it in.
    async fn begin(
        &self,
        terms: &Terms,
        visit: &Visit,
        (tenant, account): (&Tenant, &Account),
        now: DateTime<Utc>,
    ) -> Result<Option<(Holder, RefreshToken)>> {
        let refresh = RefreshToken::generate()?;
        let (session, family) = (SessionId::new(), FamilyId::new());
        let expires_at = now + terms.refresh_ttl;
        let (hash, device) = (refresh.digest(), &visit.device());
        let begin = |work: Work| async move {
            let Some(guest) = active(&work, tenant.id, account).await? else { return Ok(None) };
            let user = guest.user.id;
            let device = device.clone();
            let new = NewSession { id: session, user, device, created_at: now, expires_at };
            work.sessions().create(&new).await?;
            let first = RefreshRecord {
                hash,
                session,
                family,
                generation: 0,
                created_at: now,
                expires_at,
                used_at: None,
                revoked_at: None,
            };
            work.refresh_tokens().add(&first).await?;
            let entry = visit.entry(&user.to_string(), "session.started", format!("session/{session}"));
            work.audit().append(&entry).await?;
            Ok(Some(guest))
        };
        let guest = self.store.tenant(tenant.id).within(visit.left()).run(begin).await?;
        Ok(guest.map(|guest| (Holder { tenant: tenant.id, guest, session }, refresh)))
    }
}

/// The user an account speaks of, if both are the same and may come in.
async fn active(work: &Work, tenant: TenantId, account: &Account) -> Result<Option<Guest>> {
    let guest = known(work, tenant, account.user_id).await?;
    Ok(guest.filter(|guest| guest.user.email.to_lowercase() == account.email.to_lowercase()))
}

/// A user who may come in, of a tenant whose users may.
pub(super) async fn known(work: &Work, tenant: TenantId, user: UserId) -> Result<Option<Guest>> {
    if work.tenants().get(tenant).await?.status != TenantStatus::Active {
        return Ok(None);
    }
    let user = match work.users().get(user).await {
        Ok(user) if user.status == UserStatus::Active => user,
        Ok(_) => return Ok(None),
        Err(error) => return missing(error),
    };
    let scoped = work.users().scoped_roles(user.id).await?;
    Ok(Some(Guest { user, scoped }))
}

/// Nothing, where the error only says that something is not there.
pub(super) fn missing<T>(error: Error) -> Result<Option<T>> {
    if error.kind() == Kind::NotFound { Ok(None) } else { Err(error) }
}
