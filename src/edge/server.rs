//! The Pingora server: one service a listener, all of them behind the guard.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use pingora::apps::ServerApp;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::proxy::ProxyHttp;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::listening::Service;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::deadline::Deadlines;
use super::gateway::Gateway;
use super::guard::Guard;
use super::local::LocalListener;
use super::probes::Probes;
use super::signals::Signals;
use crate::config::Settings;
use crate::error::{Error, Kind, Result};
use crate::pipeline::Pipeline;
use crate::tasks::Lifecycle;
use crate::telemetry::Telemetry;
use crate::upstream::Pools;

/// Idle connections to backends that each listener keeps. Pingora's 128 would be opened anew all the time.
const KEPT_CONNECTIONS: usize = 4096;

/// Longer than any drain, in seconds.
const NEVER: u64 = 365 * 24 * 3600;

/// Pause between two looks whether a listener is open.
const OPENING: Duration = Duration::from_millis(5);

/// What the edge is made of.
#[derive(Debug)]
pub struct Parts {
    /// The settings the process was started with.
    pub settings: Arc<Settings>,
    /// What decides about requests.
    pub pipeline: Arc<Pipeline>,
    /// The pools whose endpoints are checked.
    pub pools: Pools,
    /// What checks them.
    pub probes: Arc<Probes>,
    /// The life of the process.
    pub lifecycle: Lifecycle,
    /// Metrics and the access log.
    pub telemetry: Telemetry,
    /// The routers of the operators' listeners.
    pub listeners: Listeners,
    /// The runtime of background tasks.
    pub runtime: Handle,
}

/// Routers with a listener of their own.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The admin API.
    pub admin: Option<(SocketAddr, Router)>,
    /// Metrics and probes.
    pub metrics: Option<(SocketAddr, Router)>,
}

/// Opens every listener and serves until a signal ends the process. Blocks; not to be called in a runtime.
///
/// # Errors
/// An address cannot be listened on, or a health check cannot be made.
pub fn run(parts: &Parts) -> Result<()> {
    let settings = &parts.settings;
    let addresses = addresses(settings, &parts.listeners);
    check_addresses(&addresses)?;
    let threads = match settings.server.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let conf = ServerConf {
        threads,
        // The process ends itself when it is idle or out of time; this only keeps Pingora from ending it before.
        grace_period_seconds: Some(NEVER),
        graceful_shutdown_timeout_seconds: Some(1),
        upstream_keepalive_pool_size: KEPT_CONNECTIONS,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    add_listeners(&mut server, parts)?;
    let signals = Signals {
        lifecycle: parts.lifecycle.clone(),
        pipeline: parts.pipeline.clone(),
        access: parts.telemetry.access.clone(),
        runtime: parts.runtime.clone(),
    };
    parts.lifecycle.spawn("readiness", serve_when_open(addresses, parts.lifecycle.clone()));
    server.run(RunArgs { shutdown_signal: Box::new(signals) });
    Ok(())
}

fn add_listeners(server: &mut Server, parts: &Parts) -> Result<()> {
    let deadlines = Deadlines::default();
    parts.lifecycle.spawn("try deadlines", deadlines.clone().watch());
    for pool in parts.pools.values() {
        let started = parts.probes.start(pool, &parts.lifecycle);
        started.map_err(|error| {
            Error::new(Kind::Invalid, format!("check upstream `{}`", pool.name)).caused_by(error)
        })?;
    }
    let gateway = Gateway {
        pipeline: parts.pipeline.clone(),
        lifecycle: parts.lifecycle.clone(),
        telemetry: parts.telemetry.clone(),
        deadlines,
    };
    let timeouts = &parts.settings.server.timeouts;
    let (header, idle) = (timeouts.header.get(), timeouts.idle.get());
    let guard = |server: &Server| Guard::new(&server.configuration, gateway.clone(), header, idle);
    for (name, listener) in &parts.settings.listeners {
        let app = guard(server);
        server.add_service(service(name, listener.address, app));
    }
    let own = [("admin", &parts.listeners.admin), ("metrics", &parts.listeners.metrics)];
    for (name, listener) in own {
        if let Some((address, router)) = listener {
            let app = operators(server, router, header, idle);
            server.add_service(service(name, *address, app));
        }
    }
    Ok(())
}

fn operators(server: &Server, router: &Router, header: Duration, idle: Duration) -> Guard<LocalListener> {
    Guard::new(&server.configuration, LocalListener(router.clone()), header, idle)
}

fn service<P>(name: &str, address: SocketAddr, app: Guard<P>) -> Service<Guard<P>>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
    Guard<P>: ServerApp,
{
    let mut service = Service::new(name.to_owned(), app);
    let mut listener = ListenerConfig::tcp(address.to_string());
    // A read buffer of its own for each idle connection would cost 64 KiB; HTTP parsing has one already.
    listener = listener.l4_buffer(L4BufferSettings::new(0, 1460));
    service.add_listener(listener);
    service
}

/// Every address listened on, with the key that names it.
fn addresses(settings: &Settings, own: &Listeners) -> Vec<(String, SocketAddr)> {
    let public =
        settings.listeners.iter().map(|(name, it)| (format!("listeners.{name}.address"), it.address));
    let admin = own.admin.iter().map(|(address, _)| ("admin.listen".to_owned(), *address));
    let metrics = own.metrics.iter().map(|(address, _)| ("admin.metrics_listen".to_owned(), *address));
    public.chain(admin).chain(metrics).collect()
}

/// Pingora panics on an address it cannot have, so it is tried before with an error that names the listener.
fn check_addresses(addresses: &[(String, SocketAddr)]) -> Result<()> {
    for (key, address) in addresses {
        TcpListener::bind(address).map_err(|error| {
            Error::new(Kind::Unavailable, format!("listen on {address} ({key})")).caused_by(error)
        })?;
    }
    Ok(())
}

/// Pingora opens the listeners on runtimes of its own and tells nobody: readiness waits until each accepts.
async fn serve_when_open(addresses: Vec<(String, SocketAddr)>, lifecycle: Lifecycle) {
    for (key, address) in addresses {
        while TcpStream::connect(address).await.is_err() {
            sleep(OPENING).await;
        }
        tracing::info!(key, %address, "listening");
    }
    lifecycle.serve();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
}
