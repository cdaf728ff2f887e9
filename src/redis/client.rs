//! A cheap handle on Redis: few commands, each with a deadline, none sent while Redis is known to be away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fred::clients::Pool;
use fred::prelude::{ClientLike, KeysInterface, LuaInterface, PubsubInterface};
use fred::types::{Builder, Expiration};
use tokio::time::sleep;

use super::breaker::Breaker;
use super::connect::builder;
use super::script::Script;
use super::subscribe::{Push, listen};
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::tasks::Lifecycle;
use crate::telemetry::{RedisMetrics, Span};

/// Least pause between two checks; chance adds up to as much again, so that instances do not all ask at once.
const CHECK: Duration = Duration::from_millis(250);

/// How long what a check wrote is kept, in milliseconds.
const CHECKED: i64 = 10_000;

/// The connections to Redis.
#[derive(Debug, Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    pool: Pool,
    builder: Builder,
    prefix: String,
    is_cluster: bool,
    breaker: Breaker,
    lifecycle: Lifecycle,
    metrics: RedisMetrics,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The builder holds the password.
        f.debug_struct("Inner").field("prefix", &self.prefix).field("breaker", &self.breaker).finish()
    }
}

impl Redis {
    /// Begins to connect in the background. Until it has, commands fail at once.
    ///
    /// # Errors
    /// The authorities of TLS cannot be read.
    pub fn start(settings: &config::Redis, lifecycle: &Lifecycle, metrics: RedisMetrics) -> Result<Self> {
        let builder = builder(settings)?;
        let pool =
            builder.build_pool(settings.pool as usize).map_err(|error| failure("make a pool", &error))?;
        let breaker = Breaker::default();
        breaker.open();
        let prefix = settings.prefix.clone();
        let lifecycle = lifecycle.clone();
        let is_cluster = settings.mode == config::RedisMode::Cluster;
        let inner = Inner { pool, builder, prefix, is_cluster, breaker, lifecycle, metrics };
        let redis = Self(Arc::new(inner));
        redis.0.lifecycle.spawn("redis", redis.clone().watch());
        Ok(redis)
    }

    /// Whether commands are sent now.
    pub fn is_up(&self) -> bool {
        !self.0.breaker.is_open()
    }

    /// Whether keys lie on several servers, and a script may only use those of one slot.
    pub fn is_cluster(&self) -> bool {
        self.0.is_cluster
    }

    /// A key or channel as it is called in Redis.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// What is kept under a key.
    ///
    /// # Errors
    /// Redis is away, too slow, or refused.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        let key = self.key(key);
        self.timed("GET", async |pool| pool.next_connected().get(key).await).await
    }

    /// Keeps a value under a key for so long.
    ///
    /// # Errors
    /// Redis is away, too slow, or refused.
    pub async fn set(&self, key: &str, value: &str, keep: Duration) -> Result<()> {
        let millis = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX).max(1);
        let (key, value) = (self.key(key), value.to_owned());
        let set = async |pool: &Pool| {
            pool.next_connected().set(key, value, Some(Expiration::PX(millis)), None, false).await
        };
        self.timed("SET", set).await
    }

    /// Tells all who listen to a channel; how many there were at the server that was asked.
    ///
    /// # Errors
    /// Redis is away, too slow, or refused. Some may have been told all the same.
    pub async fn publish(&self, channel: &str, message: &str) -> Result<i64> {
        let (channel, message) = (self.key(channel), message.to_owned());
        self.timed("PUBLISH", async |pool| pool.next_connected().publish(channel, message).await).await
    }

    /// Runs a script on keys that lie together (with prefix, see [`Redis::key`]) and numbers.
    ///
    /// # Errors
    /// Redis is away, too slow, or refused. The script may have run all the same.
    pub async fn eval(&self, script: &Script, keys: Vec<String>, numbers: Vec<i64>) -> Result<Vec<i64>> {
        self.timed("EVALSHA", async |pool| {
            let client = pool.next_connected();
            match client.evalsha(script.hash.as_str(), keys.clone(), numbers.clone()).await {
                Err(error) if error.details().starts_with("NOSCRIPT") => {
                    client.eval(script.source, keys, numbers).await
                }
                done => done,
            }
        })
        .await
    }

    /// Hears what is published on these channels, for as long as the process runs. What is missed while there is no
    /// connection is told as a [`Push::Gap`].
    ///
    /// # Errors
    /// No client can be made.
    pub fn subscribe(&self, channels: &[&str], receive: impl Fn(Push) + Send + Sync + 'static) -> Result<()> {
        let client = self.0.builder.build_subscriber_client();
        let client = client.map_err(|error| failure("make a subscriber", &error))?;
        let names = channels.iter().map(|name| self.key(name)).collect();
        let prefix = self.0.prefix.clone();
        let told = move |push: Push| receive(push.without(&prefix));
        self.0.lifecycle.spawn("redis subscription", listen(client, names, told));
        Ok(())
    }

    /// Does something unless Redis is known to be away, and learns from what came of it.
    async fn timed<T>(
        &self,
        command: &'static str,
        act: impl AsyncFnOnce(&Pool) -> std::result::Result<T, fred::error::Error>,
    ) -> Result<T> {
        let inner = &*self.0;
        if inner.breaker.is_open() {
            return Err(Error::new(Kind::Unavailable, "Redis is away"));
        }
        let began = Instant::now();
        let span = Span::current().call(command);
        span.set("db.system.name", || "redis");
        span.set("db.operation.name", || command);
        match span.clone().run(act(&inner.pool)).await {
            Ok(done) => {
                inner.breaker.succeeded();
                inner.metrics.answered(began.elapsed());
                Ok(done)
            }
            Err(error) => {
                span.fail("unavailable");
                inner.metrics.failed();
                if inner.breaker.failed() {
                    inner.metrics.up(false);
                    tracing::warn!(%error, "Redis does not answer: it is left alone until it does");
                }
                Err(failure(command, &error))
            }
        }
    }

    /// Connects, then checks for as long as the process runs whether Redis answers.
    async fn watch(self) {
        // The tasks end with the runtime; what becomes of connections is seen by the checks.
        drop(self.0.pool.connect_pool());
        self.0.metrics.up(false);
        let mut had_trouble = false;
        loop {
            match self.check().await {
                Ok(()) if self.0.breaker.close() => {
                    self.0.metrics.up(true);
                    tracing::info!("Redis answers");
                    had_trouble = false;
                }
                Ok(()) => {}
                Err(error) => {
                    self.0.metrics.up(false);
                    if self.0.breaker.open() || !had_trouble {
                        tracing::warn!(%error, "Redis does not answer: it is left alone until it does");
                    }
                    had_trouble = true;
                }
            }
            sleep(CHECK + CHECK.mul_f64(fastrand::f64())).await;
        }
    }

    /// Each connection is asked, since each may be stuck by itself; one that answers is enough. It is a write that is
    /// asked for: a server that is full, or became a replica, would answer anything less as if all were well.
    async fn check(&self) -> Result<()> {
        let mut last = Err(Error::new(Kind::Unavailable, "connect to Redis: not connected yet"));
        for client in self.0.pool.clients().iter().filter(|client| client.is_connected()) {
            let began = Instant::now();
            let keep = Some(Expiration::PX(CHECKED));
            match client.set::<(), _, _>(self.key("checked"), 1, keep, None, false).await {
                Ok(()) => {
                    self.0.metrics.answered(began.elapsed());
                    return Ok(());
                }
                Err(error) => {
                    if error.details().starts_with("READONLY") {
                        // Another server is the primary now; what comes of it, the next check tells.
                        let _ = client.force_reconnection().await;
                    }
                    last = Err(failure("write to it", &error));
                }
            }
        }
        last
    }
}

fn failure(doing: &str, error: &fred::error::Error) -> Error {
    Error::new(Kind::Unavailable, format!("Redis: {doing}")).caused_by(error.to_string())
}
