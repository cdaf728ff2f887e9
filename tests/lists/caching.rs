//! Reads from memory: the same as those from the database, until something is changed, and for nobody who may not.

use http::Method;
use olympus_gateway::cache::Cache;
use olympus_gateway::config::{self, Settings};
use olympus_gateway::domain::Products;
use olympus_gateway::rest;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::CacheMetrics;
use tokio::runtime::Handle;

use super::postgres::Database;
use super::stage::{self, Seen, Stage};
use super::{PRODUCTS, Shop, lamp};

impl Shop {
    /// One that keeps what is read often in memory, with what it keeps it in.
    async fn caching() -> (Self, Products) {
        let (database, keys) = (Database::new().await, stage::keys());
        let (store, lifecycle) = (database.store(), Lifecycle::new(Handle::current()));
        let cache = Cache::new(&config::Cache::default(), None, lifecycle, CacheMetrics::default());
        let forgetting = cache.clone();
        store.on_change(move |change| forgetting.forget(change));
        let products = Products::cached(store.clone(), cache);
        let stage = Stage::with(products.clone(), store, &keys).await;
        let tenant = stage::tenant(&stage.store, "acme").await;
        let token = stage.token(tenant, "mia", "manager");
        (Self { database, stage, tenant, token, _keys: keys }, products)
    }
}

/// How an answer says that it was come by.
fn how(seen: &Seen) -> &str {
    seen.headers.get("cache-status").map_or("", |value| value.to_str().unwrap())
}

const STORED: &str = "olympus; fwd=miss; stored";
const HIT: &str = "olympus; hit";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_again_comes_from_memory_until_anything_is_changed() {
    let (shop, _) = Shop::caching().await;
    let (_, place) = shop.product(lamp("L-1", "1", "EUR")).await;
    let list = format!("{PRODUCTS}?limit=5&sort=sku");
    for path in [place.as_str(), list.as_str()] {
        let first = shop.get(path).await;
        let second = shop.get(path).await;
        assert_eq!((how(&first), how(&second)), (STORED, HIT), "{path}");
        assert_eq!((&first.document, &first.tag), (&second.document, &second.tag));
        let known = shop.call(Method::GET, path, &[("if-none-match", &first.tag)], None).await;
        assert_eq!((known.status.as_u16(), how(&known)), (304, HIT));
    }
    assert_eq!(how(&shop.get(&format!("{list}&q=lamp")).await), STORED, "another page");

    let changed = shop.call(Method::PUT, &place, &[], Some(lamp("L-2", "2", "EUR"))).await;
    assert_eq!(changed.word(), "200");
    for path in [place.as_str(), list.as_str()] {
        let seen = shop.get(path).await;
        assert_eq!(how(&seen), STORED);
        assert!(seen.document.to_string().contains("L-2"), "{seen:?}");
    }
    assert_eq!(shop.call(Method::DELETE, &place, &[], None).await.word(), "204");
    assert_eq!(shop.get(&place).await.word(), "404 not_found");
    assert_eq!(how(&shop.get(&place).await), "", "what is not there is not kept");
    assert_eq!(shop.get(&list).await.document["meta"]["page"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_shows_nothing_to_other_tenants_or_to_callers_who_may_not() {
    let (shop, _) = Shop::caching().await;
    let (_, place) = shop.product(lamp("L-1", "1", "EUR")).await;
    for path in [place.as_str(), PRODUCTS] {
        shop.get(path).await;
        assert_eq!(how(&shop.get(path).await), HIT);
    }
    let other = stage::tenant(&shop.stage.store, "globex").await;
    let stranger = shop.stage.token(other, "mia", "manager");
    assert_eq!(shop.stage.get(&place, &stranger).await.word(), "404 not_found");
    assert_eq!(shop.stage.get(PRODUCTS, &stranger).await.document["meta"]["page"]["total"], 0);
    let nobody = shop.stage.token(shop.tenant, "ned", "no-such-role");
    assert_eq!(shop.stage.get(&place, &nobody).await.word(), "404 not_found", "nor whether it is there");
    assert_eq!(shop.stage.get(PRODUCTS, &nobody).await.status, 403);
    // A change of another tenant is none here.
    let theirs = super::Asking(Method::POST, PRODUCTS, &stranger);
    assert_eq!(shop.stage.ask(theirs, Some(lamp("L-1", "1", "EUR"))).await.word(), "201");
    assert_eq!(how(&shop.get(&place).await), HIT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_read_is_in_memory_before_anybody_asks() {
    let (shop, products) = Shop::caching().await;
    let (_, place) = shop.product(lamp("L-1", "1", "EUR")).await;
    let settings = format!(
        "version = 1\n[rest]\ncount_cap = 30\n[cache]\nwarm = [{{ tenant = \"acme\", path = \"{PRODUCTS}?limit=20\" }}, \
         {{ tenant = \"acme\", path = \"{place}\" }}, {{ tenant = \"acme\", path = \"/api/v1/users\" }}, \
         {{ tenant = \"acme\", path = \"{PRODUCTS}?colour=red\" }}]"
    );
    let settings: Settings = toml::from_str(&settings).unwrap();
    let warm = rest::warm(&settings, &shop.stage.identity);
    assert_eq!(warm.len(), 2, "what cannot be read is left out: {warm:?}");
    for warm in &warm {
        products.warm(warm).await.unwrap();
    }
    for path in [&format!("{PRODUCTS}?limit=20"), &place] {
        assert_eq!(how(&shop.get(path).await), HIT, "{path}");
    }
}
