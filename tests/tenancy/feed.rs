//! What is taken back on one instance is refused on the other: pushed, polled, and while nothing can be heard.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use olympus_gateway::config;
use olympus_gateway::identity::{Caller, Feed, Revocation, Revocations, Sources};
use olympus_gateway::model::{Expected, NewTenant, Recorded, TenantChange, TenantId, TenantStatus};
use olympus_gateway::redis::Redis;
use olympus_gateway::store::Store;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{Metrics, RedisMetrics};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::postgres::{Database, PATIENCE, Server, store};
use super::support::redis::Redis as RedisServer;

/// What one gateway knows.
struct Instance {
    feed: Feed,
    store: Store,
    revocations: Arc<Revocations>,
    metrics: Metrics,
}

impl Instance {
    async fn start(store: Store, redis: Option<&RedisServer>) -> Self {
        store.watch();
        let (revocations, metrics) = (Arc::new(Revocations::default()), Metrics::new());
        let feed = Feed::new(Sources {
            store: store.clone(),
            redis: redis.map(client),
            revocations: revocations.clone(),
            lifecycle: Lifecycle::new(Handle::current()),
            metrics: metrics.revocations.clone(),
        });
        feed.start(|_| {}).unwrap();
        Self { feed, store, revocations, metrics }
    }

    /// Takes something back as a function of the domain does.
    async fn revoke(&self, tenant: TenantId, what: Revocation) {
        let until = Utc::now() + TimeDelta::hours(1);
        let what = &what;
        let record = |work: olympus_gateway::store::Work| async move {
            work.revocations().insert(tenant, what, until).await
        };
        let recorded: Recorded = self.store.tenant(tenant).run(record).await.unwrap();
        self.feed.announce(vec![recorded]);
    }

    async fn refuses(&self, caller: &Caller) {
        eventually("it is refused", || self.revocations.is_revoked(caller)).await;
    }

    fn count(&self, series: &str) -> u64 {
        let text = self.metrics.exposition().into_text();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0, |number| number.trim().parse().unwrap())
    }
}

fn client(server: &RedisServer) -> Redis {
    let settings: config::Redis = serde_json::from_value(json!({ "urls": [server.url()] })).unwrap();
    Redis::start(&settings, &Lifecycle::new(Handle::current()), RedisMetrics::new()).unwrap()
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn tenant(store: &Store) -> TenantId {
    let id = TenantId::new();
    let new = &NewTenant { id, slug: format!("t-{id}"), name: "Shop".to_owned() };
    store.platform().run(|work| async move { work.tenants().create(new).await }).await.unwrap();
    id
}

fn caller(tenant: TenantId) -> Caller {
    let mut caller = Caller::new(tenant, "ada", &["member"], Utc::now() + TimeDelta::hours(1));
    caller.session = Some(olympus_gateway::model::SessionId::new());
    caller.issued = Utc::now() - TimeDelta::minutes(1);
    caller
}

const PUSHED: &str = "olympus_revocations_received_total{way=\"push\"}";
const POLLS: &str = "olympus_revocation_polls_total{result=\"success\"}";
const FAILED_POLLS: &str = "olympus_revocation_polls_total{result=\"failure\"}";
const CONFIRMED: &str = "olympus_revocations_confirmed_timestamp_seconds ";

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_takes_back_is_pushed_to_the_other() {
    let (database, redis) = (Database::new().await, RedisServer::start(&[]));
    let one = Instance::start(database.store(), Some(&redis)).await;
    let other = Instance::start(database.store(), Some(&redis)).await;
    let tenant = tenant(&one.store).await;
    for instance in [&one, &other] {
        assert!(instance.feed.is_filled_within(PATIENCE).await);
    }
    // Pushed before it is polled: one of a few is enough, as either may be first.
    eventually("a push is heard", || redis.ask(&["pubsub", "numsub", "olympus:revoked"]).contains('2')).await;
    let mut tries = 0;
    while other.count(PUSHED) == 0 {
        let mine = caller(tenant);
        one.revoke(tenant, Revocation::Session(mine.session.unwrap())).await;
        assert!(one.revocations.is_revoked(&mine), "at once where it was taken back");
        other.refuses(&mine).await;
        tries += 1;
        assert!(tries < 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_or_after_its_death_it_is_polled() {
    let (database, mut redis) = (Database::new().await, RedisServer::start(&[]));
    let one = Instance::start(database.store(), Some(&redis)).await;
    let other = Instance::start(database.store(), Some(&redis)).await;
    let alone = Instance::start(database.store(), None).await;
    let tenant = tenant(&one.store).await;
    redis.kill();
    let mine = caller(tenant);
    one.revoke(tenant, Revocation::User(tenant, "ada".into(), Utc::now())).await;
    other.refuses(&mine).await;
    alone.refuses(&mine).await;
    let mut newer = caller(tenant);
    newer.issued = Utc::now() + TimeDelta::seconds(1);
    assert!(!other.revocations.is_revoked(&newer), "what is issued afterwards is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_begins_with_all_that_is_in_force() {
    let database = Database::new().await;
    let one = Instance::start(database.store(), None).await;
    let tenant = tenant(&one.store).await;
    let callers: Vec<_> = (0..3).map(|_| caller(tenant)).collect();
    for it in &callers {
        one.revoke(tenant, Revocation::Session(it.session.unwrap())).await;
    }
    let late = Instance::start(database.store(), None).await;
    assert!(late.feed.is_filled_within(PATIENCE).await);
    assert!(callers.iter().all(|it| late.revocations.is_revoked(it)));
    assert!(!late.revocations.is_stale(Utc::now(), Duration::from_secs(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn suspension_lasts_until_the_tenant_is_resumed() {
    let (database, redis) = (Database::new().await, RedisServer::start(&[]));
    let one = Instance::start(database.store(), Some(&redis)).await;
    let other = Instance::start(database.store(), Some(&redis)).await;
    let tenant = tenant(&one.store).await;
    let mut newer = caller(tenant);
    newer.issued = Utc::now() + TimeDelta::minutes(1);
    let set = async |status| {
        let work = |work: olympus_gateway::store::Work| async move {
            let change = TenantChange { status: Some(status), ..TenantChange::default() };
            work.tenants().update(tenant, &Expected::Any, &change).await
        };
        one.store.platform().run(work).await.unwrap();
        one.feed.announce_tenants();
    };
    set(TenantStatus::Suspended).await;
    other.refuses(&newer).await;
    set(TenantStatus::Active).await;
    eventually("it is let in again", || !other.revocations.is_revoked(&newer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_ages_only_while_neither_postgres_nor_redis_is_heard_of() {
    let (mut server, mut redis) = (Server::start(), RedisServer::start(&[]));
    let settings = server.settings("olympus_template", "acquire_timeout = \"300ms\"");
    let one = Instance::start(store(&settings), Some(&redis)).await;
    assert!(one.feed.is_filled_within(PATIENCE).await);
    let is_fresh = || !one.revocations.is_stale(Utc::now(), Duration::from_secs(2));
    let subscribed = || redis.ask(&["pubsub", "numsub", "olympus:revoked"]).contains('1');
    eventually("it listens", subscribed).await;
    // One of two polls from here on began after the subscription.
    let polls = one.count(POLLS);
    eventually("it was polled since", || one.count(POLLS) > polls + 1).await;
    server.kill();
    eventually("polls fail", || one.count(FAILED_POLLS) > 0).await;
    let (polls, known) = (one.count(POLLS), one.count(CONFIRMED));
    eventually("beats alone keep it fresh", || one.count(CONFIRMED) > known + 2).await;
    assert_eq!(one.count(POLLS), polls);
    redis.kill();
    eventually("it is stale", || !is_fresh()).await;
    server.start_again();
    eventually("it is fresh again", is_fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_deleted_by_one_at_a_time() {
    let database = Database::new().await;
    let store = database.store();
    let tenant = tenant(&store).await;
    let past = Utc::now() - TimeDelta::hours(1);
    for until in [past, past, Utc::now() + TimeDelta::hours(1)] {
        let what = &Revocation::Tenant(tenant, past);
        let insert = |work: olympus_gateway::store::Work| async move {
            work.revocations().insert(tenant, what, until).await
        };
        store.platform().run(insert).await.unwrap();
    }
    let clear = |work: olympus_gateway::store::Work| async move { work.revocations().clear(10).await };
    let holding = database.connect("olympus_app").await;
    let lock = "SELECT pg_advisory_lock(hashtextextended('olympus.revocations.clearing', 0))";
    holding.batch_execute(lock).await.unwrap();
    assert_eq!(store.platform().run(clear).await.unwrap(), 0, "another instance is at it");
    drop(holding);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match store.platform().run(clear).await.unwrap() {
            0 => assert!(Instant::now() < deadline),
            count => break assert_eq!(count, 2),
        }
        sleep(Duration::from_millis(10)).await;
    }
    let left = store.platform().run(async |work| work.revocations().after(0, 10).await).await.unwrap();
    assert_eq!(left.len(), 1);
}
