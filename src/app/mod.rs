//! The composition root: builds everything in the order it depends on each other, then serves.

mod ground;
mod keeper;
mod shared;
mod sources;
mod terms;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

pub use self::ground::Ground;
use self::ground::background_runtime;
use self::keeper::Keeper;
use self::shared::Shared;
use crate::admin::{self, Control, Live, Wish};
use crate::config::{self, Loaded};
use crate::domain::{Onces, Orders, Sessions};
use crate::edge;
use crate::error::{Error, Result};
use crate::identity::Authenticator;
use crate::pipeline::{Explanation, Locals, Pipeline, Question, Snapshot, explain_router};
use crate::rest;
use crate::store::Store;
use crate::tasks::Lifecycle;
use crate::telemetry::{Messages, Telemetry, Traces};
use crate::upstream::Pools;

/// The gateway, built but not yet listening.
#[derive(Debug)]
pub struct App {
    ground: Ground,
    telemetry: Telemetry,
    view: admin::View,
    wishes: mpsc::Receiver<Wish>,
    locals: Locals,
    sessions: Option<Sessions>,
    onces: Option<Onces>,
    orders: Option<Orders>,
    shared: Shared,
    takes_over: bool,
}

impl App {
    /// Builds the gateway from a checked configuration.
    ///
    /// # Errors
    /// The runtime cannot be started or the access log not be opened.
    pub fn build(loaded: Loaded) -> Result<Self> {
        Self::build_on(Ground::lay()?, loaded)
    }

    /// The same on ground that was laid before the configuration was read.
    ///
    /// # Errors
    /// The access log cannot be opened.
    pub fn build_on(ground: Ground, loaded: Loaded) -> Result<Self> {
        let loaded = Arc::new(loaded);
        let settings = &loaded.settings;
        install_crypto();
        let traces = Traces::start(&settings.telemetry)?;
        let messages = Messages::start(settings.telemetry.level, &traces);
        let lifecycle = Lifecycle::new(ground.runtime.handle().clone());
        let telemetry = Telemetry::new(&settings.telemetry, traces).map_err(|error| {
            let file = settings.telemetry.access_log.file.as_deref().unwrap_or(Path::new("standard output"));
            let doing = format!("open the access log {} (telemetry.access_log.file)", file.display());
            Error::internal(doing).caused_by(error)
        })?;
        let shared = Shared::new(settings, &lifecycle, &telemetry)?;
        let pools = keeper::pools(settings, &Pools::new(), Instant::now());
        let sessions = sessions(&shared);
        let (control, wishes) = Control::new();
        let live = Live {
            booted: Arc::new(settings.without_names()),
            loaded,
            pools,
            overrides: Vec::new(),
            pending: Vec::new(),
            last_reload: None,
        };
        let view = admin::View {
            live: Arc::new(ArcSwap::from_pointee(live)),
            control,
            lifecycle: lifecycle.clone(),
            metrics: telemetry.metrics.clone(),
            messages,
        };
        let orders = shared.orders();
        let onces = shared.onces(&lifecycle);
        let locals = Locals {
            health: admin::health_router(view.clone()),
            rest: rest::router(shared.served(orders.clone(), onces.clone())),
            keys: rest::keys_router(),
            auth: rest::auth_router(sessions.clone(), shared.api_keys()),
            status: rest::status_router(lifecycle),
            docs: rest::docs_router(),
        };
        Ok(Self {
            ground,
            telemetry,
            view,
            wishes,
            locals,
            sessions,
            onces,
            orders,
            shared,
            takes_over: false,
        })
    }

    /// Changes who answers local routes: for programs that embed the gateway.
    #[must_use]
    pub fn with_locals(mut self, change: impl FnOnce(Locals) -> Locals) -> Self {
        self.locals = change(self.locals);
        self
    }

    /// The database, if the configuration names one: for programs that embed the gateway.
    pub fn store(&self) -> Option<&Store> {
        self.shared.store.as_ref()
    }

    /// Waits for another process to hand its listeners over instead of opening them.
    #[must_use]
    pub fn taking_over(mut self) -> Self {
        self.takes_over = true;
        self
    }

    /// What would happen to a request under this configuration, with pools of which nothing is known yet.
    ///
    /// # Errors
    /// The question describes no request.
    pub fn explain(loaded: &Loaded, question: &Question) -> Result<Explanation> {
        let settings = loaded.settings.clone();
        let pools = keeper::pools(&settings, &Pools::new(), Instant::now());
        let pipeline = Pipeline::new(Snapshot::compile(settings, &pools)?, Locals::default());
        background_runtime()?.block_on(pipeline.explain(question))
    }

    /// Opens the listeners and serves until a signal ends the process.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub fn run(self) -> Result<()> {
        let Ground { runtime, hangups } = self.ground;
        let live = self.view.live.load_full();
        let settings = live.loaded.settings.clone();
        let lifecycle = self.view.lifecycle.clone();
        let tokens = self.telemetry.metrics.tokens.clone();
        let identity = Authenticator::new(&settings, tokens)?;
        let identity = self.shared.identity(identity);
        identity.start(&lifecycle);
        let terms = terms::of(&settings, &live.pools, &identity, (None, &self.telemetry.metrics))?;
        let warm = rest::warm(&settings, &identity);
        let snapshot = Snapshot::compile_with(settings.clone(), &live.pools, identity)?.with_terms(terms);
        runtime.block_on(self.shared.start(&settings, &lifecycle))?;
        let users = self.shared.users();
        let pipeline = Pipeline::new(snapshot, self.locals).with_limiter(self.shared.limiter.clone());
        let pipeline = Arc::new(pipeline);
        let probes = edge::Probes::new();
        let keeper = Keeper {
            live: self.view.live.clone(),
            pipeline: pipeline.clone(),
            probes: probes.clone(),
            lifecycle: lifecycle.clone(),
            telemetry: self.telemetry.clone(),
            messages: self.view.messages.clone(),
            wishes: self.wishes,
            hangups,
        };
        if let Some(sessions) = self.sessions {
            lifecycle.spawn("record logins in vain", sessions.clone().keep_record());
            lifecycle.spawn("clear sessions", sessions.keep_clear());
        }
        if let Some(orders) = self.orders {
            let pipeline = pipeline.clone();
            lifecycle.spawn("settle orders", orders.keep_settled(move || pipeline.terms()));
        }
        if let Some(onces) = self.onces {
            lifecycle.spawn("clear idempotency keys", onces.keep_clear());
        }
        if let Some(products) = self.shared.products() {
            lifecycle.spawn("keep warm", products.keep_warm(warm));
        }
        if let Some(users) = users {
            let pipeline = pipeline.clone();
            lifecycle.spawn("settle accounts", users.keep_settled(move || pipeline.terms()));
        }
        lifecycle.spawn("reload", keeper.keep());
        edge::run(&edge::Parts {
            listeners: listeners(&settings.admin, self.view, &pipeline),
            pipeline,
            settings,
            pools: live.pools.clone(),
            probes,
            lifecycle,
            telemetry: self.telemetry,
            takes_over: self.takes_over,
            runtime: runtime.handle().clone(),
        })
    }
}

fn listeners(settings: &config::Admin, view: admin::View, pipeline: &Arc<Pipeline>) -> edge::Listeners {
    let admin = settings.listen.zip(settings.token.clone());
    edge::Listeners {
        admin: admin.map(|(address, token)| {
            let more = explain_router(pipeline.clone());
            (address, admin::router(view.clone(), token, settings, more))
        }),
        metrics: settings.metrics_listen.map(|address| (address, admin::open_router(view))),
    }
}

/// Sessions, where there is a database to keep them in.
fn sessions(shared: &Shared) -> Option<Sessions> {
    let Shared { store, limiter, feed, .. } = shared;
    Some(Sessions::new(store.clone()?, limiter.clone(), feed.clone()?))
}

/// Several crates bring a TLS provider; the first one installed is used by all.
fn install_crypto() {
    // An error means that one is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
