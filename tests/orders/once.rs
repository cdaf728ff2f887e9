//! Requests that are done once: rivals, crashes, other requests with the same key, and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use olympus_gateway::domain::{Once, Onces, Outcome, Render};
use olympus_gateway::error::{Error, Kind, Result};
use olympus_gateway::model::{
    NewEvent, NewTenant, OnceKey, RequestDigest, RequestDigests, StoredAnswer, TenantId,
};
use olympus_gateway::store::{Store, Work};
use olympus_gateway::tasks::Lifecycle;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::postgres::Database;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Stage {
    database: Database,
    store: Store,
    tenant: TenantId,
}

impl Stage {
    async fn new() -> Self {
        let database = Database::new().await;
        let store = database.store();
        let new = &NewTenant { id: TenantId::new(), slug: "acme".to_owned(), name: "Acme".to_owned() };
        store.platform().run(|work| async move { work.tenants().create(new).await }).await.unwrap();
        Self { database, store, tenant: new.id }
    }

    fn key(&self, request: u8) -> OnceKey {
        key(self.tenant, "k", request)
    }

    fn onces(&self) -> Onces {
        onces(&self.store)
    }

    async fn ask(&self, key: OnceKey) -> Result<Outcome<usize>> {
        ask(&self.store, self.tenant, key).await
    }

    async fn sql(&self, sql: &str) {
        self.database.connect("postgres").await.batch_execute(sql).await.unwrap();
    }

    async fn effects(&self) -> i64 {
        let client = self.database.connect("postgres").await;
        client.query_one("SELECT count(*) FROM outbox", &[]).await.unwrap().get(0)
    }
}

/// An instance of the gateway.
fn onces(store: &Store) -> Onces {
    Onces::new(store.clone(), Lifecycle::new(Handle::current()))
}

/// Asks for the effect, which is an event, under a key.
async fn ask(store: &Store, tenant: TenantId, key: OnceKey) -> Result<Outcome<usize>> {
    let acting = store.clone();
    let act = move |once| async move { effect(&acting, tenant, &once).await };
    onces(store).run(Some(key), (DAY, DAY), render(), act).await
}

/// The effect: an event in the outbox.
async fn effect(store: &Store, tenant: TenantId, once: &Once<usize>) -> Result<usize> {
    let act = |work: Work| async move {
        let event = NewEvent { topic: "done", key: "k".to_owned(), payload: json!({}) };
        work.outbox().append(&event).await?;
        once.settle(&work, &7).await
    };
    store.tenant(tenant).run(act).await.map(|()| 7)
}

fn render() -> Render<usize> {
    Arc::new(|made: &usize| {
        let headers = vec![("x-made".to_owned(), "yes".to_owned())];
        Ok(StoredAnswer { status: 201, headers, body: made.to_string().into_bytes() })
    })
}

fn key(tenant: TenantId, key: &str, request: u8) -> OnceKey {
    let request = RequestDigests::of(vec![digest(request)]).unwrap();
    OnceKey { tenant, caller: "ada".to_owned(), key: key.to_owned(), request }
}

/// The digest of a request, by a key whose name is `1111`.
fn digest(request: u8) -> RequestDigest {
    let mut digest = [request; 36];
    digest[..4].copy_from_slice(b"1111");
    digest
}

fn stored() -> Outcome<usize> {
    Outcome::Repeated(render()(&7).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_at_once_one_is_done() {
    let stage = Stage::new().await;
    let all = join_all((0..100).map(|_| stage.ask(stage.key(1)))).await;
    let all: Vec<_> = all.into_iter().map(|outcome| outcome.unwrap()).collect();
    assert_eq!(all.iter().filter(|outcome| **outcome == Outcome::Done(7)).count(), 1);
    let others = all.iter().filter(|it| **it == Outcome::InProgress || **it == stored()).count();
    assert_eq!((others, stage.effects().await), (99, 1));
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), stored());
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_its_request() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::Done(7));
    assert_eq!(stage.ask(stage.key(2)).await.unwrap(), Outcome::Mismatch);
    let of_eve = OnceKey { caller: "eve".to_owned(), ..stage.key(1) };
    assert_eq!(stage.ask(of_eve).await.unwrap(), Outcome::Done(7));
    assert_eq!(stage.effects().await, 2);
}

#[tokio::test]
async fn a_failure_gives_its_key_back() {
    let stage = Stage::new().await;
    let fail = |_: Once<usize>| async { Err(Error::new(Kind::Conflict, "not now")) };
    let failed = stage.onces().run(Some(stage.key(1)), (DAY, DAY), render(), fail).await;
    assert_eq!(failed.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::Done(7));
}

#[tokio::test]
async fn who_comes_too_late_has_no_effect() {
    let stage = Stage::new().await;
    let (store, tenant) = (stage.store.clone(), stage.tenant);
    let rivals = Arc::new(AtomicUsize::new(0));
    let expire = "UPDATE idempotency_keys SET claimed_until = now() - interval '1 second'";
    let superuser = stage.database.connect("postgres").await;
    let noted = rivals.clone();
    // The first request stands still for so long that another one takes its place.
    let act = move |once: Once<usize>| async move {
        superuser.batch_execute(expire).await.unwrap();
        if ask(&store, tenant, key(tenant, "k", 1)).await.unwrap() == Outcome::Done(7) {
            noted.fetch_add(1, Ordering::Relaxed);
        }
        effect(&store, tenant, &once).await
    };
    let late = Box::pin(stage.onces().run(Some(stage.key(1)), (DAY, DAY), render(), act)).await;
    assert_eq!(late.unwrap_err().code(), Some("idempotency_in_progress"));
    assert_eq!((rivals.load(Ordering::Relaxed), stage.effects().await), (1, 1));
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), stored());
}

#[tokio::test]
async fn a_key_of_a_dead_instance_is_taken_over_by_the_same_request_only() {
    let stage = Stage::new().await;
    stage
        .sql(&format!(
            "INSERT INTO idempotency_keys (tenant_id, caller, key, request_hash, claim_id, claimed_until, expires_at)
             VALUES ('{0}', 'ada', 'k', decode('31313131' || repeat('01', 32), 'hex'), '{0}', now() + interval '1 minute', now() + interval '1 day')",
            stage.tenant
        ))
        .await;
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::InProgress);
    stage.sql("UPDATE idempotency_keys SET claimed_until = now() - interval '1 second'").await;
    assert_eq!(stage.ask(stage.key(2)).await.unwrap(), Outcome::Mismatch);
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::Done(7));
}

#[tokio::test]
async fn keys_expire_and_are_cleared_away() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::Done(7));
    assert_eq!(stage.onces().clear().await.unwrap(), 0);
    stage.sql("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'").await;
    assert_eq!(stage.ask(stage.key(2)).await.unwrap(), Outcome::Done(7), "another request may have it then");
    stage.sql("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'").await;
    assert_eq!(stage.onces().clear().await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_begun_is_finished_although_its_client_leaves() {
    let stage = Stage::new().await;
    let [began, wait, ended] = [(); 3].map(|()| Arc::new(Notify::new()));
    let (store, tenant) = (stage.store.clone(), stage.tenant);
    let (onces, telling, held, ending) = (stage.onces(), began.clone(), wait.clone(), ended.clone());
    let act = move |once| async move {
        telling.notify_one();
        held.notified().await;
        let done = effect(&store, tenant, &once).await;
        ending.notify_one();
        done
    };
    tokio::select! {
        _ = onces.run(Some(stage.key(1)), (DAY, DAY), render(), act) => panic!("nobody lets it go on"),
        () = began.notified() => {}
    }
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), Outcome::InProgress);
    wait.notify_one();
    timeout(crate::postgres::PATIENCE, ended.notified()).await.expect("it goes on");
    assert_eq!(stage.ask(stage.key(1)).await.unwrap(), stored());
    assert_eq!(stage.effects().await, 1);
}
