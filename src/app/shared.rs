//! What instances share: the database, Redis, what was counted and what was taken back.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::config::Settings;
use crate::domain::{ApiKeys, Images, Onces, Orders, Products, Tenants, Users};
use crate::error::Result;
use crate::identity::{Authenticator, Feed, KeyRing, Revocations, Sources};
use crate::limits::Limiter;
use crate::redis::Redis;
use crate::rest::Served;
use crate::store::Store;
use crate::tasks::Lifecycle;
use crate::telemetry::{Metrics, Telemetry};

/// How long a start waits for what was taken back. Without it, sensitive routes are refused until it is read.
const PATIENCE: Duration = Duration::from_secs(3);

/// Handles on what is shared, or on what stands for it in an instance alone.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Option<Store>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) revocations: Arc<Revocations>,
    /// Where there is a database.
    pub(super) keys: Option<Arc<KeyRing>>,
    pub(super) feed: Option<Feed>,
    /// What is read often.
    pub(super) cache: Cache,
}

impl Shared {
    pub(super) fn new(settings: &Settings, lifecycle: &Lifecycle, telemetry: &Telemetry) -> Result<Self> {
        let metrics = &telemetry.metrics;
        let store =
            settings.postgres.as_ref().map(|it| Store::new(it, lifecycle.clone(), metrics.postgres()));
        let store = store.transpose()?;
        let redis = settings.redis.as_ref().map(|it| Redis::start(it, lifecycle, metrics.redis()));
        let redis = redis.transpose()?;
        let cache = cache(settings, store.as_ref(), redis.clone(), (lifecycle, metrics));
        let limiter = match redis.clone() {
            Some(redis) => Limiter::sharing(redis, lifecycle, metrics.limits.clone()),
            None => Limiter::alone(metrics.limits.clone()),
        };
        let revocations = Arc::new(Revocations::default());
        let keys = store.clone().map(|store| Arc::new(KeyRing::new(store, revocations.clone())));
        let feed = store.clone().map(|store| {
            Feed::new(Sources {
                store,
                redis: redis.clone(),
                revocations: revocations.clone(),
                lifecycle: lifecycle.clone(),
                metrics: metrics.revocations.clone(),
            })
        });
        Ok(Self { store, limiter: Arc::new(limiter), revocations, keys, feed, cache })
    }

    /// Who is believed, with what all instances know of callers.
    pub(super) fn identity(&self, identity: Authenticator) -> Arc<Authenticator> {
        let identity = identity.with_revocations(self.revocations.clone());
        Arc::new(match &self.keys {
            Some(keys) => identity.with_keys(keys.clone()),
            None => identity,
        })
    }

    /// What the REST API serves.
    pub(super) fn served(&self, orders: Option<Orders>, onces: Option<Onces>) -> Served {
        let tenants = self.store.clone().zip(self.feed.clone());
        Served {
            tenants: tenants.map(|(store, feed)| Tenants::new(store, feed)),
            images: self.store.clone().map(Images::new),
            products: self.products(),
            orders,
            users: self.users(),
            onces,
        }
    }

    /// What is done with products.
    pub(super) fn products(&self) -> Option<Products> {
        self.store.clone().map(|store| Products::cached(store, self.cache.clone()))
    }

    /// What is done with users.
    pub(super) fn users(&self) -> Option<Users> {
        let users = self.store.clone().zip(self.feed.clone());
        users.map(|(store, feed)| Users::cached(store, feed, &self.cache))
    }

    /// What is done with orders.
    pub(super) fn orders(&self) -> Option<Orders> {
        self.store.clone().map(|store| Orders::cached(store, &self.cache))
    }

    /// What is done once.
    pub(super) fn onces(&self, lifecycle: &Lifecycle) -> Option<Onces> {
        self.store.clone().map(|store| Onces::new(store, lifecycle.clone()))
    }

    /// What is done with API keys.
    pub(super) fn api_keys(&self) -> Option<ApiKeys> {
        self.store.clone().zip(self.feed.clone()).map(|(store, feed)| ApiKeys::new(store, feed))
    }

    /// Begins to hear of other instances. A server that is down holds nothing up for long: what needs it is refused
    /// until it is there.
    pub(super) async fn start(&self, settings: &Settings, lifecycle: &Lifecycle) -> Result<()> {
        if settings.redis.is_none() {
            tracing::info!("there is no [redis]: limits are counted in memory, by this instance alone");
        }
        self.store.iter().for_each(Store::watch);
        self.cache.start()?;
        self.keys.iter().for_each(|keys| keys.start(lifecycle));
        let Some(feed) = &self.feed else { return Ok(()) };
        let limiter = self.limiter.clone();
        feed.start(move |standings| limiter.overrides.adopt(standings))?;
        if !feed.is_filled_within(PATIENCE).await {
            tracing::warn!("started without knowing what was taken back: the database cannot be read yet");
        }
        Ok(())
    }
}

/// The cache of what is read from a database, if both are wanted. It hears of changes from the database's transactions.
fn cache(
    settings: &Settings,
    store: Option<&Store>,
    redis: Option<Redis>,
    (lifecycle, metrics): (&Lifecycle, &Metrics),
) -> Cache {
    let (Some(wanted), Some(store)) = (&settings.cache, store) else { return Cache::off() };
    let cache = Cache::new(wanted, redis, lifecycle.clone(), metrics.cache());
    let forgetting = cache.clone();
    store.on_change(move |change| forgetting.forget(change));
    cache
}
