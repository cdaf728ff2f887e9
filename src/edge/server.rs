//! The Pingora server: one service a listener, all of them behind a front.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use pingora::apps::ServerApp;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::proxy::ProxyHttp;
use pingora::server::configuration::{Opt, ServerConf};
use pingora::server::{RunArgs, Server};
use pingora::services::listening::Service;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::deadline::Deadlines;
use super::gateway::Gateway;
use super::listener::{Crowd, Front, Terms, Tls};
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
/// Read buffer of a connection with TLS: a record. Others have none: HTTP parsing has its own, and Pingora's 64 KiB
/// for each idle connection would add up.
const TLS_READ: usize = 16 << 10;

/// Most connections on each of the operators' own listeners.
const OPERATORS: u32 = 1000;

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
    /// Whether another process hands its listeners to this one.
    pub takes_over: bool,
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
    let upgrade_socket = settings.server.upgrade_socket.clone().unwrap_or_default();
    if parts.takes_over {
        check_upgrade(settings)?;
    }
    check_addresses(&addresses, parts.takes_over)?;
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
        upgrade_sock: upgrade_socket.to_string_lossy().into_owned(),
        ..ServerConf::default()
    };
    let opt = Opt { upgrade: parts.takes_over, ..Opt::default() };
    let mut server = Server::new_with_opt_and_conf(opt, conf);
    server.bootstrap();
    add_listeners(&mut server, parts)?;
    let signals = Signals {
        lifecycle: parts.lifecycle.clone(),
        pipeline: parts.pipeline.clone(),
        telemetry: parts.telemetry.clone(),
        upgrade_socket: settings.server.upgrade_socket.clone(),
        runtime: parts.runtime.clone(),
    };
    if parts.takes_over {
        // The listeners are open, and whoever asks by them may reach either process.
        parts.lifecycle.serve();
    }
    parts.lifecycle.spawn("readiness", serve_when_open(addresses, parts.lifecycle.clone()));
    server.run(RunArgs { shutdown_signal: Box::new(signals) });
    Ok(())
}

fn add_listeners(server: &mut Server, parts: &Parts) -> Result<()> {
    let deadlines = Deadlines::default();
    parts.lifecycle.spawn("try deadlines", deadlines.clone().watch());
    for pool in parts.pools.values() {
        let started = parts.probes.check(pool, None, &parts.lifecycle);
        started.map_err(|error| {
            Error::new(Kind::Invalid, format!("check upstream `{}`", pool.name)).caused_by(error)
        })?;
    }
    let gateway = Gateway {
        pipeline: parts.pipeline.clone(),
        lifecycle: parts.lifecycle.clone(),
        telemetry: parts.telemetry.clone(),
        deadlines,
        vault: parts.probes.vault.clone(),
    };
    let (connections, terms) = (&parts.telemetry.metrics.connections, terms(parts));
    let lifecycle = &parts.lifecycle;
    for (name, listener) in &parts.settings.listeners {
        let (most, most_of_one) = (listener.max_connections, listener.max_connections_per_ip);
        let crowd = Crowd::new(most, most_of_one, connections.of(name));
        let terms = Terms { proxy_protocol: listener.proxy_protocol, ..terms.clone() };
        let tls = listener.tls.as_ref().map(|tls| Tls::new(tls, connections.of(name))).transpose()?;
        let buffer = if tls.is_some() { TLS_READ } else { 0 };
        if let Some(tls) = &tls {
            parts.lifecycle.spawn("certificates", tls.clone().watch());
        }
        let app =
            Front::new(&server.configuration, gateway.clone(), terms, crowd, lifecycle.clone()).behind(tls);
        server.add_service(service(name, listening(listener.address, buffer), app));
    }
    let own = [("admin", &parts.listeners.admin), ("metrics", &parts.listeners.metrics)];
    for (name, listener) in own {
        if let Some((address, router)) = listener {
            let crowd = Crowd::new(OPERATORS, OPERATORS, connections.of(name));
            let local = LocalListener { router: router.clone(), lifecycle: lifecycle.clone() };
            let app = Front::new(&server.configuration, local, terms.clone(), crowd, lifecycle.clone());
            let mut service = service(name, listening(*address, 0), app);
            // Each thread keeps what it has freed, and what operators ask for is large.
            service.threads = Some(1);
            server.add_service(service);
        }
    }
    Ok(())
}

/// What every listener demands.
fn terms(parts: &Parts) -> Terms {
    let server = &parts.settings.server;
    Terms {
        header: server.timeouts.header.get(),
        idle: server.timeouts.idle.get(),
        header_bytes: usize::try_from(server.limits.header_bytes.bytes()).unwrap_or(usize::MAX),
        pipeline: parts.pipeline.clone(),
        proxy_protocol: false,
    }
}

fn service<P>(name: &str, listener: ListenerConfig, app: Front<P>) -> Service<Front<P>>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
    Front<P>: ServerApp,
{
    let mut service = Service::new(name.to_owned(), app);
    service.add_listener(listener);
    service
}

/// A listener whose connections have a read buffer of so many bytes.
fn listening(address: SocketAddr, read: usize) -> ListenerConfig {
    ListenerConfig::tcp(address.to_string()).l4_buffer(L4BufferSettings::new(read, 1460))
}

/// Every address listened on, with the key that names it.
fn addresses(settings: &Settings, own: &Listeners) -> Vec<(String, SocketAddr)> {
    let public =
        settings.listeners.iter().map(|(name, it)| (format!("listeners.{name}.address"), it.address));
    let admin = own.admin.iter().map(|(address, _)| ("admin.listen".to_owned(), *address));
    let metrics = own.metrics.iter().map(|(address, _)| ("admin.metrics_listen".to_owned(), *address));
    public.chain(admin).chain(metrics).collect()
}

/// Pingora panics on an address it cannot have, so it is tried before with an error that names the listener. Where
/// another process hands its listeners over, theirs are taken, and nobody can tell whose they are.
fn check_addresses(addresses: &[(String, SocketAddr)], takes_over: bool) -> Result<()> {
    for (key, address) in addresses {
        match TcpListener::bind(address) {
            Err(error) if takes_over && error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                let message = format!("listen on {address} ({key})");
                return Err(Error::new(Kind::Unavailable, message).caused_by(error));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Pingora panics where it cannot listen for the listeners.
fn check_upgrade(settings: &Settings) -> Result<()> {
    let Some(socket) = &settings.server.upgrade_socket else {
        let message = "take over: server.upgrade_socket is not set, so there is no way for listeners to come";
        return Err(Error::new(Kind::Invalid, message));
    };
    // What an earlier upgrade left behind is in the way of the test, as it is of Pingora.
    let _ = std::fs::remove_file(socket);
    let tested = UnixListener::bind(socket).and_then(|_| std::fs::remove_file(socket));
    tested.map_err(|error| {
        let message = format!("take over by {} (server.upgrade_socket)", socket.display());
        Error::new(Kind::Unavailable, message).caused_by(error)
    })
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
