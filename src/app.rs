//! The composition root: builds everything in the order it depends on each other, then serves.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Runtime;

use crate::admin;
use crate::config::{Loaded, Settings};
use crate::edge;
use crate::error::{Error, Result};
use crate::pipeline::{Locals, Pipeline, Snapshot};
use crate::rest;
use crate::tasks::Lifecycle;
use crate::telemetry::{Telemetry, init_messages};
use crate::upstream::{Pool, Pools};

/// The gateway, built but not yet listening.
#[derive(Debug)]
pub struct App {
    loaded: Arc<Loaded>,
    runtime: Runtime,
    lifecycle: Lifecycle,
    telemetry: Telemetry,
    pools: Pools,
    locals: Locals,
}

impl App {
    /// Builds the gateway from a checked configuration.
    ///
    /// # Errors
    /// The runtime cannot be started or the access log not be opened.
    pub fn build(loaded: Loaded) -> Result<Self> {
        let loaded = Arc::new(loaded);
        let settings = &loaded.settings;
        init_messages(settings.telemetry.level);
        let runtime = background_runtime()?;
        let lifecycle = Lifecycle::new(runtime.handle().clone());
        let telemetry = Telemetry::new(&settings.telemetry).map_err(|error| {
            let file = settings.telemetry.access_log.file.as_deref().unwrap_or(Path::new("standard output"));
            let doing = format!("open the access log {} (telemetry.access_log.file)", file.display());
            Error::internal(doing).caused_by(error)
        })?;
        let pools = pools(settings, Instant::now());
        let view = view(&loaded, &pools, &lifecycle, &telemetry);
        let locals = Locals { health: admin::health_router(view), rest: rest::router(lifecycle.clone()) };
        Ok(Self { loaded, runtime, lifecycle, telemetry, pools, locals })
    }

    /// Changes who answers local routes: for programs that embed the gateway.
    #[must_use]
    pub fn with_locals(mut self, change: impl FnOnce(Locals) -> Locals) -> Self {
        self.locals = change(self.locals);
        self
    }

    /// Opens the listeners and serves until a signal ends the process.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub fn run(self) -> Result<()> {
        install_crypto();
        let settings = Arc::new(self.loaded.settings.clone());
        let snapshot = Snapshot::compile(settings.clone(), &self.pools)?;
        let listeners = self.listeners();
        edge::run(&edge::Parts {
            pipeline: Arc::new(Pipeline::new(snapshot, self.locals)),
            settings,
            pools: self.pools,
            lifecycle: self.lifecycle,
            telemetry: self.telemetry,
            listeners,
            runtime: self.runtime.handle().clone(),
        })
    }

    fn listeners(&self) -> edge::Listeners {
        let settings = &self.loaded.settings.admin;
        let view = view(&self.loaded, &self.pools, &self.lifecycle, &self.telemetry);
        let admin = settings.listen.zip(settings.token.clone());
        edge::Listeners {
            admin: admin.map(|(address, token)| (address, admin::router(view.clone(), token))),
            metrics: settings.metrics_listen.map(|address| (address, admin::open_router(view))),
        }
    }
}

fn view(loaded: &Arc<Loaded>, pools: &Pools, lifecycle: &Lifecycle, telemetry: &Telemetry) -> admin::View {
    admin::View {
        loaded: loaded.clone(),
        pools: pools.clone(),
        lifecycle: lifecycle.clone(),
        metrics: telemetry.metrics.clone(),
    }
}

fn pools(settings: &Settings, now: Instant) -> Pools {
    let pools = settings.upstreams.iter();
    pools.map(|(name, upstream)| (name.clone(), Arc::new(Pool::new(name, upstream, now)))).collect()
}

/// Health checks and deadlines run beside the worker threads, which Pingora owns and ends by itself.
fn background_runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("background").enable_all().build();
    runtime.map_err(|error| Error::internal("start the background runtime").caused_by(error))
}

/// Several crates bring a TLS provider; the first one installed is used by all.
fn install_crypto() {
    // An error means that one is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
