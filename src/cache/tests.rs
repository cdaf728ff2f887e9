//! An instance alone: what is kept, for how long, and what is never found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Cache, How, Shelf, What};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::model::{Change, Noun, Nouns, TenantId};
use crate::tasks::Lifecycle;
use crate::telemetry::CacheMetrics;

const LIMIT: Duration = Duration::from_secs(20);

fn cache(settings: &str) -> Cache {
    let settings: config::Cache = toml::from_str(settings).unwrap();
    Cache::new(&settings, None, Lifecycle::new(Handle::current()), CacheMetrics::default())
}

fn shelf(cache: &Cache) -> Shelf<String> {
    cache.shelf("product", Noun::Products, String::len)
}

/// Reads the thing of this number, which is this text where it has to be loaded.
async fn read(shelf: &Shelf<String>, tenant: TenantId, id: u128, text: &str) -> (String, How) {
    let load = || async { Ok(text.to_owned()) };
    let found = shelf.read((tenant, || What::Id(Uuid::from_u128(id))), LIMIT, load).await.unwrap();
    (found.value.to_string(), found.how)
}

fn change(tenant: Option<TenantId>, noun: Noun) -> Change {
    Change { tenant, nouns: Nouns::NONE.with(noun), is_done: true }
}

#[tokio::test]
async fn what_is_read_is_kept_until_it_is_changed() {
    let (cache, tenant) = (cache(""), TenantId::new());
    let shelf = shelf(&cache);
    assert_eq!(read(&shelf, tenant, 1, "a").await, ("a".to_owned(), How::Stored));
    assert_eq!(read(&shelf, tenant, 1, "b").await, ("a".to_owned(), How::Hit));
    cache.forget(change(Some(tenant), Noun::Orders));
    assert_eq!(read(&shelf, tenant, 1, "b").await, ("a".to_owned(), How::Hit));
    cache.forget(change(Some(tenant), Noun::Products));
    assert_eq!(read(&shelf, tenant, 1, "b").await, ("b".to_owned(), How::Stored));
    cache.forget(change(None, Noun::Products));
    assert_eq!(read(&shelf, tenant, 1, "c").await, ("c".to_owned(), How::Stored));
}

#[tokio::test]
async fn nothing_is_found_by_another_tenant_or_of_another_kind() {
    let (cache, tenant) = (cache(""), TenantId::new());
    let shelf = shelf(&cache);
    let lists = cache.shelf("products", Noun::Products, String::len);
    assert_eq!(read(&shelf, tenant, 1, "a").await.1, How::Stored);
    assert_eq!(read(&shelf, TenantId::new(), 1, "b").await, ("b".to_owned(), How::Stored));
    assert_eq!(read(&lists, tenant, 1, "c").await, ("c".to_owned(), How::Stored));
    assert_eq!(read(&shelf, tenant, 2, "d").await, ("d".to_owned(), How::Stored));
}

#[tokio::test]
async fn what_was_loaded_before_a_change_is_never_found_after_it() {
    let (cache, tenant) = (cache(""), TenantId::new());
    let shelf = shelf(&cache);
    let (began, may_end) = (Notify::new(), Notify::new());
    let load = || async {
        began.notify_one();
        may_end.notified().await;
        Ok("old".to_owned())
    };
    let slow = shelf.read((tenant, || What::Id(Uuid::from_u128(1))), LIMIT, load);
    let between = async {
        began.notified().await;
        cache.forget(change(Some(tenant), Noun::Products));
        // Nobody waits for a load that began before the change either.
        let seen = read(&shelf, tenant, 1, "new").await;
        may_end.notify_one();
        seen
    };
    let (slow, between) = futures_util::future::join(slow, between).await;
    assert_eq!((slow.unwrap().value.as_str(), between), ("old", ("new".to_owned(), How::Stored)));
    assert_eq!(read(&shelf, tenant, 1, "newer").await, ("new".to_owned(), How::Hit));
}

#[tokio::test]
async fn many_who_ask_at_once_are_served_by_one_load() {
    let (cache, tenant, loads) = (cache(""), TenantId::new(), AtomicU32::new(0));
    let shelf = shelf(&cache);
    let all_ask = Arc::new(tokio::sync::Barrier::new(50));
    let ask = || async {
        all_ask.wait().await;
        let load = || async {
            loads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok("a".to_owned())
        };
        shelf.read((tenant, || What::Query("all".into())), LIMIT, load).await.unwrap().value
    };
    let seen = futures_util::future::join_all((0..50).map(|_| ask())).await;
    assert!(seen.iter().all(|value| **value == "a"));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_load_that_fails_or_is_left_is_kept_by_nobody_and_holds_nobody_up() {
    let (cache, tenant) = (cache(""), TenantId::new());
    let shelf = shelf(&cache);
    let which = || (tenant, || What::Id(Uuid::from_u128(1)));
    let fail = || async { Err::<String, _>(Error::new(Kind::NotFound, "there is no such product")) };
    let failed: Result<_> = shelf.read(which(), LIMIT, fail).await;
    assert_eq!(failed.err().map(|error| error.kind()), Some(Kind::NotFound));
    {
        let left = shelf.read(which(), LIMIT, std::future::pending);
        assert!(futures_util::poll!(std::pin::pin!(left)).is_pending());
    }
    assert_eq!(read(&shelf, tenant, 1, "a").await, ("a".to_owned(), How::Stored));
}

#[tokio::test]
async fn who_waits_for_another_waits_no_longer_than_it_may() {
    let (cache, tenant) = (cache(""), TenantId::new());
    let shelf = shelf(&cache);
    let which = || (tenant, || What::Id(Uuid::from_u128(1)));
    let mut endless = std::pin::pin!(shelf.read(which(), LIMIT, std::future::pending));
    assert!(futures_util::poll!(&mut endless).is_pending());
    let waited = shelf.read(which(), Duration::from_millis(20), || async { Ok("a".to_owned()) }).await;
    assert_eq!(waited.err().map(|error| error.kind()), Some(Kind::Unavailable));
}

#[tokio::test]
async fn what_is_too_old_or_too_large_is_loaded_again() {
    let tenant = TenantId::new();
    let brief = cache("ttl = \"0ms\"");
    for text in ["a", "b"] {
        assert_eq!(read(&shelf(&brief), tenant, 1, text).await, (text.to_owned(), How::Stored));
    }
    let small = cache("memory = \"64kb\"");
    let large = "x".repeat(32 << 10);
    for _ in 0..2 {
        assert_eq!(read(&shelf(&small), tenant, 1, &large).await.1, How::Missed);
    }
}

#[tokio::test]
async fn memory_is_bounded_whatever_is_read() {
    let (cache, tenant) = (cache("memory = \"256kb\""), TenantId::new());
    let shelf = shelf(&cache);
    let text = "x".repeat(1 << 10);
    for id in 0..2000 {
        read(&shelf, tenant, id, &text).await;
    }
    let inner = cache.0.as_ref().unwrap();
    assert!(inner.entries.bytes() <= 256 << 10, "{}", inner.entries.bytes());
    assert!(inner.entries.count() > 20, "{}", inner.entries.count());
}

#[tokio::test]
async fn without_a_cache_everything_is_loaded() {
    let shelf = shelf(&Cache::off());
    assert_eq!(read(&shelf, TenantId::new(), 1, "a").await, ("a".to_owned(), How::Off));
}
