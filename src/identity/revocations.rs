//! What was taken back before it expired: asked on every request, after the token itself was believed. The set is in
//! memory; who fills it (from Postgres, pushed through Redis) is elsewhere. It is bounded, entries go when what they
//! speak of has expired, and asking costs next to nothing while it is empty.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};

use super::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::model::{ApiKeyId, SessionId, TenantId, TokenId};

/// Most entries, of about 100 bytes each.
const MOST: usize = 1_000_000;

/// One thing taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// One access token.
    Token(TokenId),
    /// Every token of one login.
    Session(SessionId),
    /// Every token of a user that was issued before this moment, to the second.
    User(TenantId, Box<str>, DateTime<Utc>),
    /// The same of all users of a tenant.
    Tenant(TenantId, DateTime<Utc>),
    /// One API key.
    Key(ApiKeyId),
}

/// The set of them.
#[derive(Debug)]
pub struct Revocations {
    sets: RwLock<Sets>,
    /// Entries in `sets`, to be read without the lock. Written only under it.
    size: AtomicUsize,
    most: usize,
}

/// When each entry may go; for users and tenants also before when their tokens were issued.
#[derive(Debug, Default)]
struct Sets {
    tokens: HashMap<TokenId, DateTime<Utc>>,
    sessions: HashMap<SessionId, DateTime<Utc>>,
    keys: HashMap<ApiKeyId, DateTime<Utc>>,
    users: HashMap<(TenantId, Box<str>), Since>,
    tenants: HashMap<TenantId, Since>,
}

#[derive(Debug, Clone, Copy)]
struct Since {
    not_before: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::bounded(MOST)
    }
}

impl Revocations {
    fn bounded(most: usize) -> Self {
        Self { sets: RwLock::default(), size: AtomicUsize::new(0), most }
    }

    /// Whether what this caller called with was taken back.
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        // A request that comes together with a revocation may be either before or after it.
        self.size.load(Ordering::Relaxed) > 0 && self.look_up(caller)
    }

    fn look_up(&self, caller: &Caller) -> bool {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        let is_older = |since: &Since| caller.issued < since.not_before;
        caller.token.is_some_and(|token| sets.tokens.contains_key(&token))
            || caller.session.is_some_and(|session| sets.sessions.contains_key(&session))
            || caller.key.is_some_and(|key| sets.keys.contains_key(&key))
            || sets.tenants.get(&caller.tenant).is_some_and(is_older)
            || (!sets.users.is_empty()
                && sets.users.get(&(caller.tenant, (*caller.subject).into())).is_some_and(is_older))
    }

    /// Takes something back. The entry may go after `until`: when everything it speaks of has expired.
    ///
    /// # Errors
    /// The set is full, even without what has expired by `now`; then this is not in it.
    pub fn add(&self, what: Revocation, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        if sets.size() >= self.most {
            sets.prune(now);
        }
        if sets.size() >= self.most {
            let message = format!("more than the {} revocations that fit are in force", self.most);
            return Err(Error::new(Kind::Unavailable, message));
        }
        sets.add(what, until);
        self.size.store(sets.size(), Ordering::Relaxed);
        Ok(())
    }

    /// Forgets what has expired.
    pub fn prune(&self, now: DateTime<Utc>) {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        sets.prune(now);
        self.size.store(sets.size(), Ordering::Relaxed);
    }

    /// Entries in the set.
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }
}

impl Sets {
    fn size(&self) -> usize {
        let ids = self.tokens.len() + self.sessions.len() + self.keys.len();
        ids + self.users.len() + self.tenants.len()
    }

    fn add(&mut self, what: Revocation, until: DateTime<Utc>) {
        match what {
            Revocation::Token(id) => later(&mut self.tokens, id, until),
            Revocation::Session(id) => later(&mut self.sessions, id, until),
            Revocation::Key(id) => later(&mut self.keys, id, until),
            Revocation::User(tenant, subject, not_before) => {
                widen(&mut self.users, (tenant, subject), Since { not_before, until });
            }
            Revocation::Tenant(tenant, not_before) => {
                widen(&mut self.tenants, tenant, Since { not_before, until });
            }
        }
    }

    fn prune(&mut self, now: DateTime<Utc>) {
        self.tokens.retain(|_, until| *until > now);
        self.sessions.retain(|_, until| *until > now);
        self.keys.retain(|_, until| *until > now);
        self.users.retain(|_, since| since.until > now);
        self.tenants.retain(|_, since| since.until > now);
    }
}

/// What is told twice, or late, never takes back less than it did before.
fn later<K: Eq + Hash>(set: &mut HashMap<K, DateTime<Utc>>, key: K, until: DateTime<Utc>) {
    let entry = set.entry(key).or_insert(until);
    *entry = until.max(*entry);
}

fn widen<K: Eq + Hash>(set: &mut HashMap<K, Since>, key: K, since: Since) {
    let entry = set.entry(key).or_insert(since);
    entry.not_before = since.not_before.max(entry.not_before);
    entry.until = since.until.max(entry.until);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn caller() -> Caller {
        Caller {
            tenant: TenantId::new(),
            subject: "ada".into(),
            roles: [].into(),
            session: Some(SessionId::new()),
            token: Some(TokenId::new()),
            key: Some(ApiKeyId::new()),
            issued: at(100),
            expires: at(200),
            rights: Default::default(),
        }
    }

    #[test]
    fn each_kind_takes_back_what_it_speaks_of_and_nothing_else() {
        let (mine, other) = (caller(), caller());
        for what in [
            Revocation::Token(mine.token.unwrap()),
            Revocation::Session(mine.session.unwrap()),
            Revocation::Key(mine.key.unwrap()),
            Revocation::User(mine.tenant, "ada".into(), at(101)),
            Revocation::Tenant(mine.tenant, at(101)),
        ] {
            let set = Revocations::default();
            assert!(!set.is_revoked(&mine));
            set.add(what.clone(), at(300), at(0)).unwrap();
            assert!(set.is_revoked(&mine), "{what:?}");
            assert!(!set.is_revoked(&other), "{what:?}");
        }
    }

    #[test]
    fn tokens_issued_afterwards_are_good() {
        let mine = caller();
        let set = Revocations::default();
        set.add(Revocation::User(mine.tenant, "ada".into(), at(100)), at(300), at(0)).unwrap();
        set.add(Revocation::Tenant(mine.tenant, at(100)), at(300), at(0)).unwrap();
        assert!(!set.is_revoked(&mine));
        set.add(Revocation::Tenant(mine.tenant, at(101)), at(300), at(0)).unwrap();
        set.add(Revocation::Tenant(mine.tenant, at(50)), at(250), at(0)).unwrap();
        assert!(set.is_revoked(&mine), "an older word does not weaken a newer one");
    }

    #[test]
    fn the_set_is_bounded_and_makes_room_of_what_expired() {
        let set = Revocations::bounded(2);
        let add = |until, now| set.add(Revocation::Token(TokenId::new()), at(until), at(now));
        add(10, 0).unwrap();
        add(20, 0).unwrap();
        assert_eq!(add(30, 5).unwrap_err().kind(), Kind::Unavailable);
        add(30, 10).unwrap();
        assert_eq!(set.size(), 2);
        set.prune(at(30));
        assert_eq!(set.size(), 0);
    }
}
