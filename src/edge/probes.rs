//! Active health checks. They connect as requests do, but each on a connection of its own; what they mean is decided
//! by the pool.

use std::fmt;
use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use pingora::connectors::TransportConnector;
use pingora::connectors::http::v1::Connector;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use tokio::time::{sleep, timeout};

use super::peer::peer;
use crate::config;
use crate::tasks::Lifecycle;
use crate::upstream::{Endpoint, Pool};

/// Part of an interval by which checks are spread, so that many endpoints are not asked at the same moment.
const JITTER: f64 = 0.1;

/// The endpoint answered, but not as it should.
const WRONG_ANSWER: ErrorType = ErrorType::Custom("wrong answer");

/// Opens the connections of all checks. Each of the two reads the platform's authorities when it is made, which
/// takes milliseconds and most of a megabyte: so they are shared, and what no check needs is not made.
pub struct Probes {
    http: LazyLock<Connector>,
    transport: LazyLock<TransportConnector>,
}

/// The check of one endpoint.
struct Probe {
    probes: Arc<Probes>,
    peer: Box<HttpPeer>,
    /// What is asked; nothing where opening a connection is all.
    request: Option<RequestHeader>,
    settings: config::Health,
}

impl Probes {
    /// Nothing is checked yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            http: LazyLock::new(|| Connector::new(None)),
            transport: LazyLock::new(|| TransportConnector::new(None)),
        })
    }

    /// Checks every endpoint of the pool from now on, until the pool is gone or retired.
    ///
    /// # Errors
    /// The path of the check cannot stand in a request, or an endpoint cannot be addressed.
    pub fn start(self: &Arc<Self>, pool: &Arc<Pool>, lifecycle: &Lifecycle) -> Result<()> {
        let Some(settings) = &pool.settings.health else { return Ok(()) };
        // Made now, as the first check has no time to wait for it.
        match settings.path {
            Some(_) => _ = LazyLock::force(&self.http),
            None => _ = LazyLock::force(&self.transport),
        }
        for endpoint in pool.endpoints() {
            let probe = self.probe(pool, endpoint, settings)?;
            lifecycle.spawn("health check", watch(Arc::downgrade(pool), endpoint.index, probe));
        }
        Ok(())
    }

    fn probe(self: &Arc<Self>, pool: &Pool, endpoint: &Endpoint, settings: &config::Health) -> Result<Probe> {
        let mut peer = peer(pool, endpoint)?;
        let limit = Some(settings.timeout.get());
        peer.options.connection_timeout = limit;
        peer.options.total_connection_timeout = limit;
        let request = match &settings.path {
            Some(path) => Some(request(path, settings.host.as_deref().unwrap_or(&endpoint.name))?),
            None => None,
        };
        Ok(Probe { probes: self.clone(), peer, request, settings: settings.clone() })
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probes")
    }
}

async fn watch(pool: Weak<Pool>, index: usize, probe: Probe) {
    let settings = &probe.settings;
    loop {
        // On the heap while it runs: a connection's state is 20 times that of the rest of this task, which waits for
        // most of its life.
        let check = Box::pin(probe.check());
        let result = match timeout(settings.timeout.get(), check).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(describe(&error)),
            Err(_) => Err(format!("no answer within {}", settings.timeout)),
        };
        let pause = {
            let Some(pool) = pool.upgrade().filter(|pool| !pool.is_retired()) else { return };
            let Some(endpoint) = pool.endpoints().get(index) else { return };
            tell(&pool, endpoint, result);
            match endpoint.verdict(Instant::now()).is_passing {
                true => settings.interval,
                false => settings.unhealthy_interval,
            }
        };
        sleep(jittered(pause.get())).await;
    }
}

/// What a person needs of a failed check; Pingora's own words dump the whole peer.
fn describe(error: &Error) -> String {
    match (error.etype(), &error.context) {
        (&WRONG_ANSWER, Some(context)) => context.to_string(),
        (kind, _) => kind.as_str().to_owned(),
    }
}

fn tell(pool: &Pool, endpoint: &Endpoint, result: std::result::Result<(), String>) {
    let reason = result.as_ref().err().cloned().unwrap_or_default();
    let Some(verdict) = pool.observe(endpoint, result, Instant::now()) else { return };
    if verdict.is_passing {
        let state = verdict.state.as_str();
        tracing::info!(upstream = %pool.name, endpoint = %endpoint.name, state, "endpoint is healthy again");
    } else {
        tracing::warn!(upstream = %pool.name, endpoint = %endpoint.name, reason, "endpoint is unhealthy");
    }
}

fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 + JITTER * (fastrand::f64() - 0.5))
}

fn request(path: &str, host: &str) -> Result<RequestHeader> {
    let mut request = RequestHeader::build("GET", path.as_bytes(), None)?;
    request.insert_header("Host", host)?;
    request.insert_header("User-Agent", "olympus-health")?;
    request.insert_header("Connection", "close")?;
    Ok(request)
}

impl Probe {
    async fn check(&self) -> Result<()> {
        let Some(request) = &self.request else {
            return self.probes.transport.new_stream(&*self.peer).await.map(drop);
        };
        // Never given back, so that each check opens a connection of its own.
        let (mut session, _) = self.probes.http.get_http_session(&*self.peer).await?;
        session.write_request_header(Box::new(request.clone())).await?;
        session.finish_body().await?;
        session.read_response().await?;
        let (status, wanted) =
            (session.get_status().map_or(0, |status| status.as_u16()), self.settings.expect_status);
        if status != wanted {
            return Error::e_explain(WRONG_ANSWER, format!("status {status}, not {wanted}"));
        }
        while session.read_body_bytes().await?.is_some() {}
        Ok(())
    }
}
