//! From an API key to its caller. A key is looked up in Postgres by its digest and remembered for a short while, a
//! key that is none too; what was taken back is asked afterwards. While the database is away, or others take all
//! turns to ask it, keys that are remembered go on and others cannot be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::timeout;

use super::api_key::{ApiKey, ApiKeyDigest};
use super::caller::Caller;
use super::denial::Denial;
use super::policy::Grant;
use super::revocations::Revocations;
use crate::config::Permitted;
use crate::error::{Error, Kind, Result};
use crate::model::{ApiKeyId, FoundApiKey, ScopedRole, TenantId, User, UserStatus};
use crate::store::{Store, Work};
use crate::tasks::Lifecycle;

/// Keys that are remembered, those that are none among them: about 10 MB.
const REMEMBERED: usize = 20_000;
/// For how long, in milliseconds, before it is asked for again: what is one, and what is none.
const KNOWN: i64 = 30_000;
const UNKNOWN: i64 = 10_000;
/// The same for one whose owner or tenant is suspended: they may be let in again.
const SHUT: i64 = 1_000;
/// For how long, in milliseconds, a key goes on while the database cannot be asked.
const WITHOUT_DATABASE: i64 = 60 * 60 * 1000;
/// Keys that are looked up at once: a flood of keys that are none must not take all connections.
const AT_ONCE: usize = 4;
/// A change of a user may be under way while a key is looked up, for as long as a statement may take.
const UNDER_WAY: TimeDelta = TimeDelta::seconds(10);
/// Uses of keys that wait to be noted. More are not noted; the next use is.
const WAITING: usize = 1_024;
/// Between two notes of a key's use, in milliseconds.
const MINUTE: i64 = 60_000;
/// To wait for one's turn to look a key up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who calls with which key.
#[derive(Debug)]
pub struct KeyRing {
    store: Store,
    revocations: Arc<Revocations>,
    cache: Cache<ApiKeyDigest, Arc<Remembered>>,
    turns: Semaphore,
    uses: mpsc::Sender<(TenantId, ApiKeyId)>,
    waiting: Mutex<Option<mpsc::Receiver<(TenantId, ApiKeyId)>>>,
}

#[derive(Debug)]
struct Remembered {
    /// When it was looked up, in Unix milliseconds.
    at: i64,
    /// Until when it need not be asked for again, in Unix milliseconds.
    until: i64,
    /// Who holds it, or why it lets nobody in.
    holder: Result<Box<Holder>, Denial>,
}

/// What the database knows of a key.
enum Known {
    Holder(Box<Holder>),
    /// Its owner or their tenant is suspended.
    Shut,
    /// It was taken back.
    Ended,
    Nothing,
}

#[derive(Debug)]
struct Holder {
    /// May do nothing until a policy says so.
    caller: Caller,
    /// What its owner was granted for single things.
    grants: Vec<Grant>,
    scopes: Vec<Permitted>,
    expires: Option<DateTime<Utc>>,
    /// When its use was last noted, in Unix milliseconds.
    noted: AtomicI64,
}

impl KeyRing {
    /// The keys in this database, checked against what was taken back.
    pub fn new(store: Store, revocations: Arc<Revocations>) -> Self {
        let (uses, waiting) = mpsc::channel(WAITING);
        let (turns, waiting) = (Semaphore::new(AT_ONCE), Mutex::new(Some(waiting)));
        Self { store, revocations, cache: Cache::new(REMEMBERED), turns, uses, waiting }
    }

    /// Begins to note when keys are used, for as long as the process runs.
    pub fn start(self: &Arc<Self>, lifecycle: &Lifecycle) {
        lifecycle.spawn("uses of API keys", self.clone().note_uses());
    }

    /// Who calls with this key, without rights; what they were granted for single things; and what the key is for.
    pub(super) async fn caller(
        &self,
        key: &ApiKey,
        now: DateTime<Utc>,
    ) -> std::result::Result<(Caller, Vec<Grant>, Vec<Permitted>), Denial> {
        let digest = key.digest();
        let found = match self.remembered(&digest, now) {
            Some(found) => found,
            None => self.look_up(&digest, now).await?,
        };
        let holder = found.holder.as_ref().map_err(|denial| *denial)?;
        if holder.expires.is_some_and(|expires| expires <= now) {
            return Err(Denial::EXPIRED);
        }
        if self.revocations.end(&holder.caller) {
            return Err(Denial::REVOKED);
        }
        self.note(holder, now);
        Ok((holder.caller.clone(), holder.grants.clone(), holder.scopes.clone()))
    }

    /// What is remembered of a key, unless it is too old, or something was taken from its owner since.
    fn remembered(&self, digest: &ApiKeyDigest, now: DateTime<Utc>) -> Option<Arc<Remembered>> {
        let found = self.cache.get(digest)?;
        (now.timestamp_millis() < found.until && self.is_current(&found)).then_some(found)
    }

    fn is_current(&self, found: &Remembered) -> bool {
        !found.holder.as_ref().is_ok_and(|holder| self.revocations.outdate(&holder.caller))
    }

    async fn look_up(
        &self,
        digest: &ApiKeyDigest,
        now: DateTime<Utc>,
    ) -> std::result::Result<Arc<Remembered>, Denial> {
        let turn = timeout(PATIENCE, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return self.before(digest, now).ok_or(Denial::NO_DATABASE) };
        // Who had the turn before may have looked the same one up.
        if let Some(found) = self.remembered(digest, now) {
            return Ok(found);
        }
        match self.ask(digest).await {
            Ok(known) => {
                let (longest, holder) = match known {
                    Known::Holder(holder) => (KNOWN, Ok(holder)),
                    Known::Shut => (SHUT, Err(Denial::REVOKED)),
                    Known::Ended => (UNKNOWN, Err(Denial::REVOKED)),
                    Known::Nothing => (UNKNOWN, Err(Denial::invalid("the API key is not known"))),
                };
                let at = now.timestamp_millis();
                let found = Arc::new(Remembered { at, until: at + longest, holder });
                self.cache.insert(*digest, found.clone());
                Ok(found)
            }
            Err(error) => {
                if error.kind() != Kind::Unavailable {
                    tracing::error!(%error, "look up an API key");
                }
                self.before(digest, now).ok_or(Denial::NO_DATABASE)
            }
        }
    }

    /// Who held a key when it was last looked up, for when it cannot be now.
    fn before(&self, digest: &ApiKeyDigest, now: DateTime<Utc>) -> Option<Arc<Remembered>> {
        self.cache.get(digest).filter(|found| {
            let age = now.timestamp_millis() - found.at;
            found.holder.is_ok() && age < WITHOUT_DATABASE && self.is_current(found)
        })
    }

    async fn ask(&self, digest: &ApiKeyDigest) -> Result<Known> {
        let hash = &digest.0;
        let find = |work: Work| async move { work.api_keys().find(hash).await };
        let Some(found) = self.store.platform().run(find).await? else { return Ok(Known::Nothing) };
        if found.key.revoked_at.is_some() {
            return Ok(Known::Ended);
        }
        if !found.is_tenant_active {
            return Ok(Known::Shut);
        }
        let owner = found.key.user;
        let get = |work: Work| async move {
            Ok((work.users().get(owner).await?, work.users().scoped_roles(owner).await?))
        };
        match self.store.tenant(found.tenant).run(get).await {
            Ok((owner, scoped)) if owner.status == UserStatus::Active => {
                holder(&found, &owner, &scoped).map(Box::new).map(Known::Holder)
            }
            Ok(_) => Ok(Known::Shut),
            Err(error) if error.kind() == Kind::NotFound => Ok(Known::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Notes that a key was used, once a minute.
    fn note(&self, holder: &Holder, now: DateTime<Utc>) {
        let (now, before) = (now.timestamp_millis(), holder.noted.load(Ordering::Relaxed));
        let is_due = now - before >= MINUTE;
        let swap = || holder.noted.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if let (true, Some(key)) = (is_due, holder.caller.key)
            && swap().is_ok()
        {
            // Full: the next minute's use is noted.
            let _ = self.uses.try_send((holder.caller.tenant, key));
        }
    }

    async fn note_uses(self: Arc<Self>) {
        let Some(mut uses) = self.waiting.lock().await.take() else { return };
        while let Some((tenant, key)) = uses.recv().await {
            let note = move |work: Work| async move { work.api_keys().note_use(key).await };
            if let Err(error) = self.store.tenant(tenant).run(note).await {
                tracing::debug!(%error, %key, "note the use of an API key");
            }
        }
    }
}

fn holder(found: &FoundApiKey, owner: &User, scoped: &[ScopedRole]) -> Result<Holder> {
    let scope = |text: &String| {
        text.parse().map_err(|why: String| Error::internal(format!("a scope of an API key: {why}")))
    };
    let roles: Vec<&str> = owner.roles.iter().map(String::as_str).collect();
    let expires = found.key.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut caller = Caller::new(found.tenant, &owner.id.to_string(), &roles, expires);
    caller.key = Some(found.key.id);
    // It says what was true then, not when the key was made: what is taken from its owner later outdates it.
    caller.issued = found.found_at - UNDER_WAY;
    let noted = found.key.last_used_at.map_or(0, |time| time.timestamp_millis());
    Ok(Holder {
        caller,
        grants: scoped.iter().map(|scoped| Grant::of_role(found.tenant, scoped)).collect(),
        scopes: found.key.scopes.iter().map(scope).collect::<Result<_>>()?,
        expires: found.key.expires_at,
        noted: AtomicI64::new(noted),
    })
}
