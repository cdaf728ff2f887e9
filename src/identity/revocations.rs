//! What was taken back before it expired: asked on every request, after the token itself was believed. The set is in
//! memory; the [feed](super::Feed) fills it, from Postgres and as pushed through Redis. It is bounded, entries go when
//! what they speak of has expired, and asking costs next to nothing while it is empty. It knows how fresh it is.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::model::{ApiKeyId, Revocation, SessionId, TenantId, TokenId};

/// Most entries, of about 100 bytes each.
const MOST: usize = 1_000_000;

/// The set of them.
#[derive(Debug)]
pub struct Revocations {
    sets: RwLock<Sets>,
    /// Entries in `sets`, to be read without the lock. Written only under it.
    size: AtomicUsize,
    most: usize,
    /// Until when everything is known, in Unix milliseconds.
    confirmed: AtomicI64,
}

/// Nobody else takes anything back, so there is nothing to miss.
const ALWAYS: i64 = i64::MAX;
/// Others do, and nothing was heard of them yet.
const NEVER: i64 = i64::MIN;

/// When each entry may go; for users and tenants also before when their tokens were issued.
#[derive(Debug, Default)]
struct Sets {
    tokens: HashMap<TokenId, DateTime<Utc>>,
    sessions: HashMap<SessionId, DateTime<Utc>>,
    keys: HashMap<ApiKeyId, DateTime<Utc>>,
    users: HashMap<(TenantId, Box<str>), Since>,
    tenants: HashMap<TenantId, Since>,
    /// When room was made last.
    pruned: Option<DateTime<Utc>>,
    /// Those that are suspended now: nobody of theirs is let in, however new their token.
    suspended: HashSet<TenantId>,
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
        let (size, confirmed) = (AtomicUsize::new(0), AtomicI64::new(ALWAYS));
        Self { sets: RwLock::default(), size, most, confirmed }
    }

    /// Whether what this caller called with was taken back.
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        // A request that comes together with a revocation may be either before or after it.
        self.size.load(Ordering::Relaxed) > 0 && self.look_up(caller)
    }

    fn look_up(&self, caller: &Caller) -> bool {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        sets.end(caller) || sets.outdate(caller)
    }

    /// Whether what this caller called with will never be good again, or their tenant is suspended.
    pub(super) fn end(&self, caller: &Caller) -> bool {
        self.size.load(Ordering::Relaxed) > 0
            && self.sets.read().unwrap_or_else(PoisonError::into_inner).end(caller)
    }

    /// Takes something back. The entry may go after `until`: when everything it speaks of has expired.
    ///
    /// # Errors
    /// The set is full, even without what has expired by `now`; then this is not in it.
    pub fn add(&self, what: Revocation, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        // Not for each that comes while it is full: all requests with a token wait for this.
        if sets.size() >= self.most && sets.pruned.is_none_or(|last| now - last >= TimeDelta::seconds(1)) {
            sets.prune(now);
            sets.pruned = Some(now);
        }
        if sets.size() >= self.most {
            let message = format!("more than the {} revocations that fit are in force", self.most);
            return Err(Error::new(Kind::Unavailable, message));
        }
        sets.add(what, until);
        self.size.store(sets.size(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether something was taken from this caller's user or tenant since what is known of them was found out.
    pub(super) fn outdate(&self, caller: &Caller) -> bool {
        self.size.load(Ordering::Relaxed) > 0
            && self.sets.read().unwrap_or_else(PoisonError::into_inner).outdate(caller)
    }

    /// From now on these tenants are suspended, and no others.
    pub(super) fn suspend(&self, tenants: HashSet<TenantId>) {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        sets.suspended = tenants;
        self.size.store(sets.size(), Ordering::Relaxed);
    }

    /// Others take things back too: until something is heard of them, this is stale.
    pub(super) fn await_others(&self) {
        self.confirmed.store(NEVER, Ordering::Relaxed);
    }

    /// Everything that was taken back until then is in it.
    pub(super) fn confirm(&self, until: DateTime<Utc>) {
        self.confirmed.fetch_max(until.timestamp_millis(), Ordering::Relaxed);
    }

    /// Whether something that was taken back longer ago than this may be missing.
    pub fn is_stale(&self, now: DateTime<Utc>, most: Duration) -> bool {
        let most = i64::try_from(most.as_millis()).unwrap_or(i64::MAX);
        self.confirmed.load(Ordering::Relaxed) < now.timestamp_millis().saturating_sub(most)
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
        ids + self.users.len() + self.tenants.len() + self.suspended.len()
    }

    fn end(&self, caller: &Caller) -> bool {
        caller.token.is_some_and(|token| self.tokens.contains_key(&token))
            || caller.session.is_some_and(|session| self.sessions.contains_key(&session))
            || caller.key.is_some_and(|key| self.keys.contains_key(&key))
            || self.suspended.contains(&caller.tenant)
    }

    /// Whether something was taken from the user or the tenant since this was said of the caller.
    fn outdate(&self, caller: &Caller) -> bool {
        let is_older = |since: &Since| caller.issued < since.not_before;
        self.tenants.get(&caller.tenant).is_some_and(is_older)
            || (!self.users.is_empty()
                && self.users.get(&(caller.tenant, (*caller.subject).into())).is_some_and(is_older))
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
    fn a_suspended_tenant_is_shut_out_whatever_its_tokens_and_let_in_again() {
        let (mine, other) = (caller(), caller());
        let set = Revocations::default();
        set.suspend([mine.tenant].into());
        assert!(set.is_revoked(&mine) && !set.is_revoked(&other));
        set.suspend([].into());
        assert!(!set.is_revoked(&mine));
    }

    #[test]
    fn it_is_stale_when_others_were_not_heard_of_for_too_long() {
        let (set, most) = (Revocations::default(), Duration::from_secs(30));
        assert!(!set.is_stale(at(1000), most), "nobody else takes anything back");
        set.await_others();
        assert!(set.is_stale(at(1000), most));
        set.confirm(at(970));
        set.confirm(at(900));
        assert!(!set.is_stale(at(1000), most));
        assert!(set.is_stale(at(1001), most));
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
