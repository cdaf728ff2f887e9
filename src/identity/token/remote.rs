//! The keys of an issuer that publishes them: fetched in the background, kept when they cannot be fetched anew, and
//! looked for again when a token names one that is not among them, at a bounded rate. Requests wait for that only
//! briefly, and only so many at once: a flood of invented keys costs neither the issuer nor others.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::Utc;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::issuer::Allowed;
use super::key::KeySet;
use crate::error::Result;
use crate::http::Client;
use crate::telemetry::Tokens;

/// Largest set of keys, in bytes.
const MOST: usize = 256 << 10;
/// Requests that may wait for the same issuer at once; more are refused as if they had waited.
const MOST_WAITING: usize = 256;

/// Raised whenever keys change: what was verified under others is verified again.
pub(in crate::identity) type Epoch = Arc<AtomicU64>;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Pause between two fetches.
    pub(super) refresh: Duration,
    /// The same after one that failed.
    pub(super) retry: Duration,
    /// Least pause between two fetches, whoever asks.
    pub(super) least: Duration,
    /// How long one fetch may take.
    pub(super) fetch: Duration,
    /// How long a request may wait for keys.
    pub(super) wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            refresh: seconds(600),
            retry: seconds(15),
            least: seconds(10),
            fetch: seconds(5),
            wait: seconds(1),
        }
    }
}

/// Whether keys are those that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum Freshness {
    /// They were fetched a moment ago.
    Fresh,
    /// They could not be fetched, or not in time.
    Stale,
}

/// What came of fetching so far.
#[derive(Debug, Clone, Copy)]
struct Fetches {
    ended: u64,
    last: Freshness,
    /// When the next may begin.
    next: Option<Instant>,
}

/// The keys at a URL.
#[derive(Debug)]
pub(in crate::identity) struct Remote {
    shared: Arc<Shared>,
    /// Taken when fetching begins; the task ends when the other end is dropped with this.
    end: Mutex<Option<oneshot::Receiver<()>>>,
    _end: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    name: Box<str>,
    url: Box<str>,
    allowed: Allowed,
    pace: Pace,
    keys: ArcSwapOption<KeySet>,
    epoch: Epoch,
    wanted: Notify,
    fetches: watch::Sender<Fetches>,
    waiting: AtomicUsize,
    tokens: Tokens,
}

impl Remote {
    pub(super) fn new((name, url): (&str, &str), allowed: Allowed, pace: Pace, epoch: Epoch) -> Self {
        let (sender, receiver) = oneshot::channel();
        let shared = Shared {
            name: name.into(),
            url: url.into(),
            allowed,
            pace,
            keys: ArcSwapOption::empty(),
            epoch,
            wanted: Notify::new(),
            fetches: watch::Sender::new(Fetches { ended: 0, last: Freshness::Stale, next: None }),
            waiting: AtomicUsize::new(0),
            tokens: Tokens::default(),
        };
        Self { shared: Arc::new(shared), end: Mutex::new(Some(receiver)), _end: sender }
    }

    /// Tells these metrics what comes of fetches.
    pub(super) fn counted_by(mut self, tokens: Tokens) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.tokens = tokens;
        }
        self
    }

    /// The keys it had last.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.shared.keys.load_full()
    }

    /// What keeps the keys fresh for as long as this lives, if that is not going on already.
    pub(in crate::identity) fn fetching(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let shared = self.shared.clone();
        Some(async move {
            tokio::select! {
                () = shared.keep_fresh() => {}
                _ = end => shared.tokens.forget(&shared.name),
            }
        })
    }

    /// Has the keys fetched if that may be now, and waits for them, but not for long.
    pub(in crate::identity) async fn renewed(&self) -> Freshness {
        let shared = &self.shared;
        let mut fetches = shared.fetches.subscribe();
        let seen = *fetches.borrow_and_update();
        if seen.next.is_some_and(|next| Instant::now() < next) {
            return seen.last;
        }
        let place = Place::take(&shared.waiting);
        if place.is_none() {
            return Freshness::Stale;
        }
        shared.wanted.notify_one();
        // That it took too long, or that nobody fetches, leaves the keys as they were.
        match timeout(shared.pace.wait, fetches.wait_for(|it| it.ended != seen.ended)).await {
            Ok(Ok(fetches)) => fetches.last,
            Ok(Err(_)) | Err(_) => Freshness::Stale,
        }
    }
}

impl Shared {
    async fn keep_fresh(&self) {
        let client = match Client::new(self.pace.fetch, MOST) {
            Ok(client) => client,
            Err(error) => return tracing::error!(issuer = %self.name, %error, "its keys cannot be fetched"),
        };
        let mut has_failed = false;
        loop {
            let fetched = self.fetch(&client).await;
            self.report(fetched.as_ref().map(|_| ()), has_failed);
            has_failed = fetched.is_err();
            let pause = if has_failed { self.pace.retry.min(self.pace.refresh) } else { self.pace.refresh };
            let (now, least) = (Instant::now(), self.pace.least.min(pause));
            let last = if has_failed { Freshness::Stale } else { Freshness::Fresh };
            self.fetches
                .send_modify(|it| *it = Fetches { ended: it.ended + 1, last, next: Some(now + least) });
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wanted.notified() => sleep_until(now + least).await,
            }
        }
    }

    async fn fetch(&self, client: &Client) -> Result<()> {
        let document = client.get(&self.url).await?;
        let keys = KeySet::published(&document, &self.allowed)?;
        let before = self.keys.load();
        if before.as_ref().is_none_or(|before| !before.is_same(&keys)) {
            self.keys.store(Some(Arc::new(keys)));
            // After the keys: what is verified from here on is kept under the new number.
            self.epoch.fetch_add(1, Ordering::AcqRel);
            tracing::info!(issuer = %self.name, "its keys were fetched and differ from those before");
        }
        Ok(())
    }

    /// One line for a row of failures, one for the end of it.
    fn report(&self, fetched: std::result::Result<(), &crate::error::Error>, has_failed: bool) {
        match fetched {
            Ok(()) => {
                self.tokens.fetched(&self.name, Utc::now().timestamp());
                if has_failed {
                    tracing::info!(issuer = %self.name, "its keys can be fetched again");
                }
            }
            Err(error) => {
                self.tokens.not_fetched(&self.name);
                if !has_failed {
                    tracing::warn!(issuer = %self.name, %error, "its keys cannot be fetched; those before are kept");
                }
            }
        }
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        // Dropping it gives the place back.
        (before < MOST_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
