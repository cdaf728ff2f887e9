//! API keys: made by users for programs, which may do no more than they and no more than the key is for.

use chrono::{DateTime, TimeDelta, Utc};

use super::Visit;
use crate::config::Permitted;
use crate::error::{Error, Kind, Result};
use crate::identity::{ApiKey, Caller, Feed, Reach, Revocation, Thing};
use crate::model::{
    ApiKeyEntry, ApiKeyField, ApiKeyId, Condition, Count, Listing, NewApiKey, Page, Permission, UserId,
    UserStatus, Value,
};
use crate::store::{Store, Work, counted};

/// Most keys of a user.
const MOST: i64 = 100;
/// No instance remembers a key for longer without asking the database.
const REMEMBERED: TimeDelta = TimeDelta::hours(2);

/// What is done with API keys. A cheap handle.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    store: Store,
    feed: Feed,
}

/// What somebody wants of a new key.
#[derive(Debug, Clone)]
pub struct WantedKey {
    /// What they call it.
    pub name: String,
    /// The permissions it is for.
    pub scopes: Vec<Permitted>,
    /// When it ends by itself. None: never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiKeys {
    /// The keys in this database; who tells other instances of those taken back.
    pub fn new(store: Store, feed: Feed) -> Self {
        Self { store, feed }
    }

    /// A page of the keys that fit, and how many there are, exact up to so many: their own, for those who may see no
    /// other.
    ///
    /// # Errors
    /// They may see none; the place is of another list; the database does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: &Listing<ApiKeyField>,
        (most, visit): (u32, &Visit),
    ) -> Result<(Page<ApiKeyEntry>, Count)> {
        let mut listing = listing.clone();
        match caller.require_some(Permission::ApiKeysRead)? {
            Reach::All => {}
            Reach::Own | Reach::Nothing => match caller.subject.parse::<UserId>() {
                Ok(user) => {
                    listing.conditions.push(Condition::equal(ApiKeyField::UserId, Value::Id(user.uuid())));
                }
                Err(_) => {
                    let none = Page { items: Vec::new(), has_more: false };
                    return Ok((none, Count { rows: 0, is_exact: true }));
                }
            },
        }
        let listing = &listing;
        let list = |work: Work| async move {
            let keys = work.api_keys();
            counted(listing, keys.list(listing), keys.count(listing, most)).await
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(list).await
    }

    /// A new key of the caller's, which nobody will be shown again.
    ///
    /// # Errors
    /// They may not, or not all it would be for; they are no user of the tenant; they have too many.
    pub async fn create(
        &self,
        caller: &Caller,
        wanted: &WantedKey,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<(ApiKey, ApiKeyEntry)> {
        caller.require_own(Permission::ApiKeysCreate, &caller.subject)?;
        check(caller, wanted, now)?;
        let no_user = || Error::new(Kind::Conflict, "only users of the tenant have keys in it");
        let user: UserId = caller.subject.parse().map_err(|_| no_user())?;
        let key = ApiKey::generate()?;
        let new = &NewApiKey {
            id: ApiKeyId::new(),
            user,
            name: wanted.name.clone(),
            hash: key.digest().0,
            hint: key.hint().to_owned(),
            scopes: wanted.scopes.iter().map(Permitted::to_string).collect(),
            expires_at: wanted.expires_at,
        };
        let entry = &visit.entry(&caller.subject, "api_key.created", format!("api_key/{}", new.id));
        let create = |work: Work| async move {
            // Locked, so that of two who make a key at once the second counts that of the first.
            match work.users().lock(user).await {
                Ok(owner) if owner.status == UserStatus::Active => {}
                Ok(_) => return Err(no_user()),
                Err(error) if error.kind() == Kind::NotFound => return Err(no_user()),
                Err(error) => return Err(error),
            }
            if work.api_keys().count_of(user).await? >= MOST {
                return Err(Error::new(Kind::Conflict, format!("nobody has more than {MOST} keys")));
            }
            let made = work.api_keys().create(new).await?;
            work.audit().append(entry).await?;
            Ok(made)
        };
        let made = self.store.tenant(caller.tenant).within(visit.left()).run(create).await?;
        Ok((key, made))
    }

    /// Takes a key back, on every instance at once.
    ///
    /// # Errors
    /// There is none, as far as they may know; they may not; the database does not answer.
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<()> {
        caller.require_any(Permission::ApiKeysRevoke)?;
        let entry = &visit.entry(&caller.subject, "api_key.revoked", format!("api_key/{id}"));
        let revoke = |work: Work| async move {
            let owner = work.api_keys().get(id).await?.user.to_string();
            let thing = Thing { id: &id.to_string(), owner: Some(&owner) };
            caller.require_with(Permission::ApiKeysRevoke, thing)?;
            work.api_keys().revoke(id).await?;
            work.audit().append(entry).await?;
            let what = Revocation::Key(id);
            work.revocations().insert(caller.tenant, &what, now + REMEMBERED).await
        };
        let recorded = self.store.tenant(caller.tenant).within(visit.left()).run(revoke).await?;
        self.feed.announce(vec![recorded]);
        Ok(())
    }
}

/// Whether a key may be what is wanted.
fn check(caller: &Caller, wanted: &WantedKey, now: DateTime<Utc>) -> Result<()> {
    let invalid = |message: String, field| Err(Error::new(Kind::Invalid, message).about(field));
    if wanted.scopes.is_empty() {
        return invalid("scopes: name one permission at least".to_owned(), "scopes");
    }
    if let Some(scope) = wanted.scopes.iter().find(|scope| !caller.rights.cover(scope)) {
        return invalid(format!("scopes: `{scope}` is more than you may do yourself"), "scopes");
    }
    if wanted.expires_at.is_some_and(|expires| expires <= now) {
        return invalid("expires_at: is over already".to_owned(), "expires_at");
    }
    Ok(())
}
