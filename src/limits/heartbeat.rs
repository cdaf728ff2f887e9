//! How many instances there are: each says every second in Redis that it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::redis::{Redis, Script};

const PAUSE: Duration = Duration::from_secs(1);
/// One that has said nothing for so long is gone.
const GONE: Duration = Duration::from_secs(4);

const SCRIPT: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
return { redis.call('ZCARD', KEYS[1]) }";

/// The number of instances when Redis was last seen.
#[derive(Debug, Default)]
pub(super) struct Heartbeat(AtomicU32);

impl Heartbeat {
    pub(super) fn instances(&self) -> u32 {
        self.0.load(Ordering::Relaxed).max(1)
    }

    /// Says that this instance is there, for as long as it runs.
    pub(super) async fn beat(self: Arc<Self>, redis: Redis) {
        let (script, name) = (Script::new(SCRIPT), fastrand::i64(1..));
        let gone = i64::try_from(GONE.as_millis()).unwrap_or(i64::MAX);
        loop {
            let beaten = redis.eval(&script, vec![redis.key("instances")], vec![name, gone]).await;
            let count = beaten.ok().and_then(|counts| u32::try_from(*counts.first()?).ok());
            if let Some(count) = count {
                self.0.store(count, Ordering::Relaxed);
            }
            // Soon again while Redis is away: the first to be there must not take itself for the only one for long.
            let pause = if count.is_some() { PAUSE } else { PAUSE / 4 };
            sleep(pause).await;
        }
    }
}
