//! The one place that changes what is in force: it takes wishes one at a time, builds the new beside the old and
//! swaps. On any mistake the old stays. What did not change keeps its connections, its health and its sockets.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use chrono::Utc;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::sources::Sources;
use super::terms;
use crate::admin::{LastReload, Live, Override, Trigger, Wish};
use crate::config::{self, Change, Effect, Loaded, Mistakes, Settings};
use crate::edge::Probes;
use crate::error::Result;
use crate::pipeline::{Pipeline, Snapshot};
use crate::tasks::Lifecycle;
use crate::telemetry::{Messages, Telemetry};
use crate::upstream::{Pool, Pools};

/// Pause between two looks at the files. What was still being written at one look is read after the next.
const LOOK: Duration = Duration::from_millis(500);

/// Holds together what is in force.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) live: Arc<ArcSwap<Live>>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) probes: Arc<Probes>,
    pub(super) lifecycle: Lifecycle,
    pub(super) telemetry: Telemetry,
    pub(super) messages: Messages,
    pub(super) wishes: mpsc::Receiver<Wish>,
    /// Listened for since before the configuration was read.
    pub(super) hangups: Signal,
}

/// What the keeper is woken by.
enum Event {
    Wish(Wish),
    Hangup,
    /// Time to look whether files have changed, or that they have.
    Look,
    Expiry,
}

impl Keeper {
    /// Serves wishes, signals and changes of files for as long as the process runs.
    pub(super) async fn keep(mut self) {
        let mut sources = Sources::of(self.live.load().loaded.sources());
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = self.next(&mut looks).await;
            let is_idle = matches!(event, Event::Look) && !(self.watches() && sources.have_changed());
            if !is_idle {
                // Checks and deadlines on this thread go on meanwhile.
                block_in_place(|| self.handle_apart(event, &mut sources));
            }
        }
    }

    /// On a thread of its own: what a reload takes of memory goes back with it, and a fault of ours in it does not
    /// end all reloads to come.
    fn handle_apart(&self, event: Event, sources: &mut Sources) {
        let done = thread::scope(|scope| {
            let builder = thread::Builder::new().name("reload".to_owned());
            let thread = builder.spawn_scoped(scope, || self.handle(event, sources))?;
            thread.join().map_err(|_| io::Error::other("it panicked; see standard error"))
        });
        if let Err(error) = done {
            self.telemetry.metrics.reload_refused(Utc::now().timestamp());
            tracing::error!(%error, "change what is in force: a fault of the gateway");
        }
    }

    async fn next(&mut self, looks: &mut Interval) -> Event {
        let expiry = self.until_expiry();
        tokio::select! {
            Some(wish) = self.wishes.recv() => Event::Wish(wish),
            _ = self.hangups.recv() => Event::Hangup,
            () = sleep(expiry.unwrap_or(Duration::MAX)), if expiry.is_some() => Event::Expiry,
            _ = looks.tick() => Event::Look,
        }
    }

    fn handle(&self, event: Event, sources: &mut Sources) {
        match event {
            Event::Wish(wish) => self.grant(wish, sources),
            Event::Hangup => drop(self.reload(Trigger::Signal, sources)),
            Event::Look => drop(self.reload(Trigger::File, sources)),
            Event::Expiry => self.expire(),
        }
    }

    fn watches(&self) -> bool {
        self.live.load().loaded.settings.server.reload_on_change
    }

    fn grant(&self, wish: Wish, sources: &mut Sources) {
        // Who asked may have left in the meantime; what was asked for is done all the same.
        match wish {
            Wish::Reload(trigger, reply) => drop(reply.send(self.reload(trigger, sources))),
            Wish::Set(wanted, reply) => {
                let is_other = |it: &Override| !it.is_about(&wanted.upstream, &wanted.address);
                let mut overrides = self.overrides(is_other);
                overrides.push(wanted);
                drop(reply.send(self.set_overrides(overrides)));
            }
            Wish::Clear(upstream, address, reply) => {
                let others = self.overrides(|it| !it.is_about(&upstream, &address));
                let was_there = others.len() < self.live.load().overrides.len();
                drop(reply.send(self.set_overrides(others).map(|()| was_there)));
            }
        }
    }

    // ---- Overrides.

    fn overrides(&self, keep: impl Fn(&Override) -> bool) -> Vec<Override> {
        self.live.load().overrides.iter().filter(|it| keep(it)).cloned().collect()
    }

    fn set_overrides(&self, overrides: Vec<Override>) -> Result<()> {
        let live = self.live.load_full();
        self.adopt(Live { overrides, ..(*live).clone() })
    }

    fn until_expiry(&self) -> Option<Duration> {
        let first = self.live.load().overrides.iter().filter_map(|it| it.until).min()?;
        Some((first - Utc::now()).to_std().unwrap_or_default())
    }

    fn expire(&self) {
        let now = Utc::now();
        let rest = self.overrides(|it| it.until.is_none_or(|until| until > now));
        match self.set_overrides(rest) {
            Ok(()) => tracing::info!("overrides of endpoints expired"),
            Err(error) => tracing::error!(%error, "take back overrides that expired"),
        }
    }

    // ---- Reloads.

    fn reload(&self, trigger: Trigger, sources: &mut Sources) -> Arc<LastReload> {
        let (live, began) = (self.live.load_full(), Instant::now());
        let result = self.read_again(&live, sources);
        let last = Arc::new(LastReload { time: Utc::now(), trigger, result });
        if is_news(&last, live.last_reload.as_deref()) {
            report(&last, began.elapsed());
            self.live.rcu(|live| Live { last_reload: Some(last.clone()), ..(**live).clone() });
        }
        match &last.result {
            Ok(_) => {
                self.telemetry.metrics.reloaded(last.time.timestamp(), self.live.load().pending.len());
            }
            Err(_) => self.telemetry.metrics.reload_refused(last.time.timestamp()),
        }
        last
    }

    fn read_again(&self, live: &Live, sources: &mut Sources) -> std::result::Result<Vec<Change>, Mistakes> {
        let Some(file) = live.loaded.sources().first() else { return Ok(Vec::new()) };
        let read = config::load(file, config::process_environment());
        *sources = Sources::of(read.as_ref().map_or_else(Mistakes::sources, Loaded::sources));
        let loaded = Arc::new(read?);
        let changes = live.loaded.changes_to(&loaded);
        if changes.is_empty() {
            return Ok(changes);
        }
        let pending = loaded.pending_since(&live.booted);
        let next = Live { loaded: loaded.clone(), pending, ..live.clone() };
        if let Err(error) = self.adopt(next) {
            return Err(loaded.refuse(&error.to_string()));
        }
        if changes.iter().any(|change| change.key == "telemetry.level") {
            self.messages.set(loaded.settings.telemetry.level);
        }
        Ok(changes)
    }

    /// Builds what `next` asks for beside what runs, then swaps.
    fn adopt(&self, mut next: Live) -> Result<()> {
        let now = Instant::now();
        let before = self.live.load_full();
        let settings = with_overrides(&next.loaded.settings, &next.overrides);
        next.pools = pools(&settings, &before.pools, now);
        let identity = self.pipeline.identity().renewed(&settings)?;
        let before_terms = self.pipeline.terms();
        let before_terms = (before_terms.as_deref(), &self.telemetry.metrics);
        let terms = terms::of(&settings, &next.pools, &identity, before_terms)?;
        let snapshot = Snapshot::compile_with(settings, &next.pools, identity.clone())?.with_terms(terms);
        identity.start(&self.lifecycle);
        let after = Arc::new(next);
        self.pipeline.adopt(snapshot);
        self.live.store(after.clone());
        self.hand_over(&before.pools, &after.pools);
        Ok(())
    }

    /// Ends the checks of pools that are replaced and begins those of the new ones.
    fn hand_over(&self, before: &Pools, after: &Pools) {
        for (name, old) in before {
            let new = after.get(name);
            if new.is_some_and(|new| Arc::ptr_eq(old, new)) {
                continue;
            }
            old.retire(new, Instant::now());
        }
        let stays = known(after);
        let is_gone = |(name, old): (&String, &Arc<Pool>)| {
            old.endpoints().iter().any(|endpoint| !stays(name, Some(&endpoint.name)))
        };
        // To look through the metrics takes a while.
        if before.iter().any(is_gone) {
            self.telemetry.metrics.retain_upstreams(&stays);
        }
        let is_new =
            |name: &str, pool: &Arc<Pool>| before.get(name).is_none_or(|old| !Arc::ptr_eq(old, pool));
        for (name, pool) in after.iter().filter(|(name, pool)| is_new(name, pool)) {
            if let Err(error) = self.probes.check(pool, before.get(name), &self.lifecycle) {
                tracing::error!(upstream = name, %error, "check the health of an upstream");
            }
        }
    }
}

/// Whether there is such a pool, and such an endpoint in it.
fn known(pools: &Pools) -> impl Fn(&str, Option<&str>) -> bool {
    let named = |pool: &Pool| pool.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
    let pools: BTreeMap<String, HashSet<Arc<str>>> =
        pools.iter().map(|(name, pool)| (name.clone(), named(pool))).collect();
    move |upstream, endpoint| {
        let endpoints = pools.get(upstream);
        endpoints.is_some_and(|known| endpoint.is_none_or(|endpoint| known.contains(endpoint)))
    }
}

/// The settings as operators want them for now.
fn with_overrides(settings: &Arc<Settings>, overrides: &[Override]) -> Arc<Settings> {
    let mut shared = settings.clone();
    for wanted in overrides {
        let settings = Arc::make_mut(&mut shared);
        let endpoints = settings.upstreams.get_mut(&wanted.upstream).map(|upstream| &mut upstream.endpoints);
        for endpoint in endpoints.into_iter().flatten().filter(|it| it.address == wanted.address) {
            endpoint.weight = wanted.weight;
            endpoint.set_by = Some(wanted.told().into());
        }
    }
    shared
}

/// The pools of these settings. Those whose settings did not change are the same as before, and what is known of
/// the endpoints of the others is kept.
pub(super) fn pools(settings: &Settings, before: &Pools, now: Instant) -> Pools {
    let pool = |name: &String, wanted: &config::Upstream| match before.get(name) {
        Some(pool) if pool.settings == *wanted => pool.clone(),
        Some(pool) => Arc::new(pool.renewed(wanted, now)),
        None => Arc::new(Pool::new(name, wanted, now)),
    };
    settings.upstreams.iter().map(|(name, wanted)| (name.clone(), pool(name, wanted))).collect()
}

/// A file that was touched and says what is in force already is none, unless it was refused before.
fn is_news(last: &LastReload, before: Option<&LastReload>) -> bool {
    let is_unchanged = last.result.as_ref().is_ok_and(Vec::is_empty);
    !is_unchanged || last.trigger != Trigger::File || before.is_some_and(|before| before.result.is_err())
}

fn report(last: &LastReload, took: Duration) {
    let trigger = last.trigger;
    match &last.result {
        Ok(changes) => {
            for change in changes {
                tracing::info!(effect = change.effect.as_str(), %change, "the configuration changed");
            }
            let restart = changes.iter().filter(|change| change.effect == Effect::Restart).count();
            tracing::info!(?trigger, ?took, changes = changes.len(), wait_for_restart = restart, "reloaded");
        }
        Err(mistakes) => {
            for mistake in mistakes.iter() {
                tracing::error!(%mistake, "a mistake in the configuration");
            }
            tracing::error!(?trigger, "not reloaded: the configuration in force is kept");
        }
    }
}
