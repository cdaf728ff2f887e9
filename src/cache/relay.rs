//! What instances tell each other through Redis: whose things of which noun were changed. What could not be told is told
//! later, for as long as anybody may still keep what was before.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::error::Result;
use crate::model::{Noun, TenantId};
use crate::redis::{Pulse, Push, Redis};

const CHANNEL: &str = "changed";
/// Before something is told again that could not be.
const PAUSE: Duration = Duration::from_millis(100);
/// Most that waits to be told; beyond it all tenants' things count as changed, which is one message a noun.
const MOST: usize = 1000;
/// Anybody's things, in a message.
const ANYBODY: &str = "*";

/// The way to other instances.
#[derive(Debug)]
pub(super) struct Relay {
    redis: Redis,
    /// What this instance is called in its messages, so that it does not heed its own.
    name: String,
    pulse: Pulse,
    /// For how long others may keep what they have.
    ttl: Duration,
    /// What waits to be told, and until when it is worth telling. Held for a few instructions.
    waiting: Mutex<BTreeMap<String, Instant>>,
    wake: Notify,
}

/// What a push means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing to this instance.
    Nothing,
    /// A beat of its own, to be [felt](Relay::feel).
    Beat(String),
    /// Things of somebody, or anybody, were changed.
    Change(Option<TenantId>, Noun),
    /// Changes may have been missed.
    Gap,
}

impl Relay {
    pub(super) fn new(redis: Redis, ttl: Duration) -> Self {
        Self {
            redis,
            name: format!("{:016x}", fastrand::u64(..)),
            pulse: Pulse::new("cache-beat"),
            ttl,
            waiting: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(super) fn subscribe(&self, receive: impl Fn(Push) + Send + Sync + 'static) -> Result<()> {
        self.redis.subscribe(&[CHANNEL, self.pulse.channel()], receive)
    }

    /// From now on what is published after this beat is known to be heard.
    pub(super) fn feel(&self, beat: &str) {
        self.pulse.hear(beat);
    }

    /// Whether changes elsewhere are heard.
    pub(super) fn hears(&self, now: Instant) -> bool {
        self.pulse.is_felt(now)
    }

    pub(super) async fn beat(&self) {
        self.pulse.beat(&self.redis).await;
    }

    /// Sees to it that others are told.
    pub(super) fn tell(&self, tenant: Option<TenantId>, noun: Noun) {
        let message = |who: String| format!("{} {} {who}", self.name, noun.as_str());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let who =
            tenant.filter(|_| waiting.len() < MOST).map_or_else(|| ANYBODY.to_owned(), |it| it.to_string());
        waiting.insert(message(who), Instant::now() + self.ttl);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Tells what waits to be told, for as long as it is polled.
    pub(super) async fn deliver(&self) {
        loop {
            self.wake.notified().await;
            while let Some((message, until)) = self.take() {
                if self.redis.publish(CHANNEL, &message).await.is_err() && Instant::now() < until {
                    self.waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .entry(message)
                        .or_insert(until);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn take(&self) -> Option<(String, Instant)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    pub(super) fn hear(&self, push: Push) -> Heard {
        match push {
            Push::Gap => Heard::Gap,
            Push::Message { channel, text } if channel == CHANNEL => self.read(&text),
            Push::Message { channel, text } if channel == self.pulse.channel() => Heard::Beat(text),
            Push::Message { .. } => Heard::Nothing,
        }
    }

    /// What cannot be read may mean anything.
    fn read(&self, text: &str) -> Heard {
        let mut words = text.split(' ');
        let (name, noun, who) = (words.next(), words.next().and_then(Noun::from_word), words.next());
        match (noun, who) {
            _ if name == Some(&self.name) => Heard::Nothing,
            (Some(noun), Some(ANYBODY)) => Heard::Change(None, noun),
            (Some(noun), Some(who)) => {
                who.parse().map_or(Heard::Gap, |tenant| Heard::Change(Some(tenant), noun))
            }
            (None, _) | (_, None) => Heard::Gap,
        }
    }
}
