//! Claims on keys: how long they hold, and how a request is known again while the gateway's own keys change.

use std::sync::Arc;
use std::time::Duration;

use olympus_gateway::domain::{Once, Onces, Outcome, Render};
use olympus_gateway::error::Result;
use olympus_gateway::model::{NewTenant, OnceKey, RequestDigest, RequestDigests, StoredAnswer, TenantId};
use olympus_gateway::store::{Store, Work};
use olympus_gateway::tasks::Lifecycle;
use tokio::runtime::Handle;

use crate::postgres::Database;

const MINUTE: Duration = Duration::from_secs(60);

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

    /// Asks for what these keys made of a request, by a request that has so much time.
    async fn ask(&self, digests: &[RequestDigest], left: Duration) -> Outcome<usize> {
        let (store, tenant) = (self.store.clone(), self.tenant);
        let act = move |once: Once<usize>| async move {
            let settle = |work: Work| {
                let once = &once;
                async move { once.settle(&work, &7).await }
            };
            store.tenant(tenant).run(settle).await.map(|()| 7)
        };
        self.run(digests, (left, MINUTE * 60), act).await.unwrap()
    }

    async fn run<F, Fut>(
        &self,
        digests: &[RequestDigest],
        times: (Duration, Duration),
        act: F,
    ) -> Result<Outcome<usize>>
    where
        F: FnOnce(Once<usize>) -> Fut,
        Fut: Future<Output = Result<usize>> + Send + 'static,
    {
        let request = RequestDigests::of(digests.to_vec()).unwrap();
        let key = OnceKey { tenant: self.tenant, caller: "ada".to_owned(), key: "k".to_owned(), request };
        let onces = Onces::new(self.store.clone(), Lifecycle::new(Handle::current()));
        onces.run(Some(key), times, render(), act).await
    }

    async fn sql(&self, sql: &str) {
        self.database.connect("postgres").await.batch_execute(sql).await.unwrap();
    }
}

fn render() -> Render<usize> {
    Arc::new(|_: &usize| Ok(StoredAnswer { status: 200, headers: Vec::new(), body: Vec::new() }))
}

/// What a key makes of a request.
fn digest(key: u8, request: u8) -> RequestDigest {
    let mut digest = [request; 36];
    digest[..4].fill(key);
    digest
}

#[tokio::test]
async fn a_claim_holds_for_as_long_as_its_request_has_and_a_little() {
    let stage = Stage::new().await;
    for (left, kept) in [(2_u32, 3600_u32), (300, 60)] {
        let client = stage.database.connect("postgres").await;
        let act = move |_: Once<usize>| async move {
            let found = client.query_one(
                "SELECT extract(epoch FROM claimed_until - created_at)::float8,
                    extract(epoch FROM expires_at - created_at)::float8 FROM idempotency_keys",
                &[],
            );
            let row = found.await.unwrap();
            let (holds, lasts): (f64, f64) = (row.get(0), row.get(1));
            let most = f64::from(left) + 10.5;
            assert!(holds > f64::from(left) && holds < most, "{left} s are left, the claim holds {holds} s");
            assert!(lasts >= holds && lasts >= f64::from(kept), "it is kept for {lasts} s");
            Err(olympus_gateway::error::Error::internal("so that the key is free for the next"))
        };
        let times = (Duration::from_secs(left.into()), Duration::from_secs(kept.into()));
        assert!(stage.run(&[digest(1, 1)], times, act).await.is_err());
    }
}

#[tokio::test]
async fn a_request_is_known_again_while_keys_change() {
    let stage = Stage::new().await;
    let (old, both, new) = ([digest(1, 7)], [digest(2, 8), digest(1, 7)], [digest(2, 8)]);
    assert_eq!(stage.ask(&old, MINUTE).await, Outcome::Done(7));
    let is_repeated = |outcome| matches!(outcome, Outcome::Repeated(_));
    assert!(is_repeated(stage.ask(&both, MINUTE).await), "the old key is still there");
    let other = [digest(2, 9), digest(1, 9)];
    assert_eq!(stage.ask(&other, MINUTE).await, Outcome::Mismatch);
    assert!(is_repeated(stage.ask(&new, MINUTE).await), "nobody can tell, so nothing is done twice");
    assert!(is_repeated(stage.ask(&[digest(2, 9)], MINUTE).await), "nobody can tell");
}

#[tokio::test]
async fn what_was_left_behind_is_taken_over_while_keys_change() {
    let stage = Stage::new().await;
    let left_behind = format!(
        "DELETE FROM idempotency_keys;
         INSERT INTO idempotency_keys (tenant_id, caller, key, request_hash, claim_id, claimed_until, expires_at)
         VALUES ('{0}', 'ada', 'k', decode('01010101' || repeat('07', 32), 'hex'), '{0}', now(), now() + interval '1 day')",
        stage.tenant
    );
    for (digests, done) in [
        (vec![digest(1, 7)], true),
        (vec![digest(2, 8), digest(1, 7)], true),
        (vec![digest(2, 8)], true),
        (vec![digest(2, 9), digest(1, 9)], false),
    ] {
        stage.sql(&left_behind).await;
        let expected = if done { Outcome::Done(7) } else { Outcome::Mismatch };
        assert_eq!(stage.ask(&digests, MINUTE).await, expected, "{digests:?}");
    }
    let by_its_name = "SELECT encode(substr(request_hash, 1, 1), 'hex') FROM idempotency_keys";
    let client = stage.database.connect("postgres").await;
    stage.sql("DELETE FROM idempotency_keys").await;
    stage.ask(&[digest(2, 8), digest(1, 7)], MINUTE).await;
    let name: String = client.query_one(by_its_name, &[]).await.unwrap().get(0);
    assert_eq!(name, "02", "what is kept is by the key that signs");
}
