//! Users of a tenant: people and service accounts, with their roles. Their passwords are at the auth service, which is
//! kept in line with the database by intents; what was theirs ends with them on every instance at once.

mod account;
mod change;
mod create;
mod remove;
mod rules;
mod settle;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Terms, Visit};
use crate::cache::{Cache, Found, Shelf, What};
use crate::error::Result;
use crate::identity::{Caller, Feed, Reach, Revocation, Thing};
use crate::model::{
    Condition, Count, Listing, NewAuditEntry, NewEvent, Noun, Page, Permission, Recorded, TenantId, User,
    UserField, UserId, Value,
};
use crate::store::{Store, Work, counted};

/// What is done with users. A cheap handle.
#[derive(Debug, Clone)]
pub struct Users {
    store: Store,
    feed: Feed,
    one: Shelf<User>,
}

/// For which request something is done, and by which configuration.
#[derive(Debug, Clone, Copy)]
pub struct Errands<'e> {
    /// The configuration as sessions see it: who keeps passwords.
    pub terms: &'e Terms,
    /// The request.
    pub visit: &'e Visit,
    /// When it came.
    pub now: DateTime<Utc>,
}

impl Users {
    /// The users in this database; who tells other instances of what was taken back.
    pub fn new(store: Store, feed: Feed) -> Self {
        Self::cached(store, feed, &Cache::off())
    }

    /// The same, where what is read often is kept in memory.
    pub fn cached(store: Store, feed: Feed, cache: &Cache) -> Self {
        Self { store, feed, one: cache.shelf("user", Noun::Users, weigh) }
    }

    /// A page of the users that fit, and how many there are, exact up to so many; themselves, for those who may see no
    /// other.
    ///
    /// # Errors
    /// They may see none; the place is of another list; the database does not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        listing: &Listing<UserField>,
        most: u32,
        visit: &Visit,
    ) -> Result<(Page<User>, Count)> {
        let mut listing = listing.clone();
        match caller.require_some(Permission::UsersRead)? {
            Reach::All => {}
            Reach::Own | Reach::Nothing => match caller.subject.parse::<UserId>() {
                Ok(own) => {
                    listing.conditions.push(Condition::equal(UserField::Id, Value::Id(own.uuid())));
                }
                Err(_) => {
                    let none = Page { items: Vec::new(), has_more: false };
                    return Ok((none, Count { rows: 0, is_exact: true }));
                }
            },
        }
        let listing = &listing;
        let list = |work: Work| async move {
            let users = work.users();
            counted(listing, users.list(listing), users.count(listing, most)).await
        };
        self.store.tenant(caller.tenant).within(visit.left()).run(list).await
    }

    /// One user, from memory or the database.
    ///
    /// # Errors
    /// There is none, as far as they may know; the database does not answer.
    pub async fn get(&self, caller: &Caller, id: UserId, visit: &Visit) -> Result<Found<User>> {
        caller.require_any(Permission::UsersRead)?;
        require(caller, Permission::UsersRead, id)?;
        let get = |work: Work| async move { work.users().get(id).await };
        let load = || async { self.store.tenant(caller.tenant).within(visit.left()).run(get).await };
        self.one.read((caller.tenant, || What::Id(id.uuid())), visit.left(), load).await
    }
}

/// What a user takes in memory, roughly.
fn weigh(user: &User) -> usize {
    let roles: usize = user.roles.iter().map(|role| size_of::<String>() + role.len()).sum();
    size_of::<User>() + user.email.len() + user.email_key.len() + user.name.len() + roles
}

/// A user is their own. To be asked of those who are there: of others nobody is told that they may not.
fn require(caller: &Caller, permission: Permission, id: UserId) -> Result<()> {
    let id = id.to_string();
    caller.require_with(permission, Thing { id: &id, owner: Some(&id) })
}

/// Notes what was done with a user: in the audit log, and for whoever listens. Neither says more of them than their id,
/// roles and status.
async fn record(work: &Work, user: &User, mut entry: NewAuditEntry, topic: &'static str) -> Result<()> {
    let (roles, status) = (json!(user.roles), json!(user.status.as_str()));
    let payload = json!({ "id": user.id, "roles": roles, "status": status, "version": user.version });
    entry.details.extend([("roles".to_owned(), roles), ("status".to_owned(), status)]);
    work.audit().append(&entry).await?;
    work.outbox().append(&NewEvent { topic, key: format!("user/{}", user.id), payload }).await
}

/// Takes back all that a user was given until now: tokens are good no longer, and what is known of API keys is asked for
/// again. Whoever else takes something back waits until the transaction ends, so this comes last.
async fn take_back(work: &Work, tenant: TenantId, id: UserId) -> Result<Recorded> {
    // Later than whatever was given to them until now: who logs in or refreshes at this moment is waited for before.
    let now = Utc::now();
    let what = Revocation::User(tenant, id.to_string().into(), now);
    work.revocations().insert(tenant, &what, now + Revocation::MEMORY).await
}

fn entry(caller: &Caller, visit: &Visit, (action, id): (&str, UserId)) -> NewAuditEntry {
    visit.entry(&caller.subject, action, format!("user/{id}"))
}
