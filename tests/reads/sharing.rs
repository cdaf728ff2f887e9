//! Instances that share Redis: each hears what the others changed, and trusts nothing while it does not.

use std::time::Duration;

use olympus_gateway::cache::{Cache, How, Shelf, What};
use olympus_gateway::config;
use olympus_gateway::model::{Change, Noun, Nouns, TenantId};
use olympus_gateway::redis::Redis;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{CacheMetrics, RedisMetrics};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::support::process::signal;
use crate::support::redis::Redis as Server;

const PATIENCE: Duration = Duration::from_secs(20);

struct Instance {
    cache: Cache,
    shelf: Shelf<String>,
}

impl Instance {
    fn start(server: &Server) -> Self {
        let settings: config::Redis = serde_json::from_value(json!({ "urls": [server.url()] })).unwrap();
        let lifecycle = Lifecycle::new(Handle::current());
        let redis = Redis::start(&settings, &lifecycle, RedisMetrics::new()).unwrap();
        let settings = config::Cache { ttl: "1h".parse().unwrap(), ..config::Cache::default() };
        let cache = Cache::new(&settings, Some(redis), lifecycle, CacheMetrics::default());
        cache.start().unwrap();
        Self { shelf: cache.shelf("product", Noun::Products, String::len), cache }
    }

    async fn read(&self, tenant: TenantId, text: &str) -> (String, How) {
        let load = || async { Ok(text.to_owned()) };
        let found = self.shelf.read((tenant, || What::Query("all".into())), PATIENCE, load).await.unwrap();
        (found.value.to_string(), found.how)
    }

    fn change(&self, tenant: TenantId) {
        self.cache.forget(Change {
            tenant: Some(tenant),
            nouns: Nouns::NONE.with(Noun::Products),
            is_done: true,
        });
    }

    /// Waits until something is found in memory or not, and says what was seen then.
    async fn until(&self, tenant: TenantId, text: &str, wanted: How) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (seen, how) = self.read(tenant, text).await;
            if how == wanted {
                return seen;
            }
            assert!(Instant::now() < deadline, "{how:?} and not {wanted:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_one_instance_is_given_up_by_the_other_and_by_no_other_tenant() {
    let server = Server::start(&[]);
    let (one, other) = (Instance::start(&server), Instance::start(&server));
    let (acme, globex) = (TenantId::new(), TenantId::new());
    for tenant in [acme, globex] {
        one.until(tenant, "old", How::Hit).await;
        other.until(tenant, "old", How::Hit).await;
    }
    one.change(acme);
    assert_eq!(one.read(acme, "new").await.0, "new", "here at once");
    other.until(acme, "new", How::Stored).await;
    assert_eq!(other.read(acme, "newer").await, ("new".to_owned(), How::Hit));
    assert_eq!(other.read(globex, "new").await, ("old".to_owned(), How::Hit));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_hear_reads_past_its_cache_and_gives_up_what_it_had() {
    let mut server = Server::start(&[]);
    let (one, other) = (Instance::start(&server), Instance::start(&server));
    let acme = TenantId::new();
    one.until(acme, "old", How::Hit).await;
    other.until(acme, "old", How::Hit).await;
    server.kill();
    assert_eq!(other.until(acme, "now", How::Bypassed).await, "now");
    // Told as soon as it can be: what is missed meanwhile is missed by nobody.
    one.change(acme);
    server.start_again();
    assert_eq!(other.until(acme, "new", How::Stored).await, "new");
    // What the other tells now may come before or after that; then it is given up once more.
    let kept = other.until(acme, "newer", How::Hit).await;
    assert!(["new", "newer"].contains(&kept.as_str()), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_told_yet_is_told_when_redis_takes_it() {
    let server = Server::start(&[]);
    let (one, other) = (Instance::start(&server), Instance::start(&server));
    let acme = TenantId::new();
    other.until(acme, "old", How::Hit).await;
    one.until(acme, "old", How::Hit).await;
    signal(server.id(), "STOP");
    one.change(acme);
    other.until(acme, "now", How::Bypassed).await;
    signal(server.id(), "CONT");
    assert_eq!(other.until(acme, "new", How::Stored).await, "new");
}
