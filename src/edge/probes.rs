//! Active health checks. They connect as requests do, but on connections of their own; what they mean is decided by
//! the pool.

use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use http::header;
use pingora::connectors::TransportConnector;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use tokio::time::{sleep, timeout};

use super::cause;
use super::credentials::Vault;
use super::peer;
use crate::config::{self, Protocol};
use crate::tasks::Lifecycle;
use crate::upstream::{Endpoint, Pool};

/// Part of an interval by which checks are spread, so that many endpoints are not asked at the same moment.
const JITTER: f64 = 0.1;

/// As much of an answer's body as is looked through for `expect_body`, in bytes.
const MOST_BODY: usize = 64 << 10;

/// The endpoint answered, but not as it should.
const WRONG_ANSWER: ErrorType = ErrorType::Custom("wrong answer");

/// Opens the connections of all checks. What no check needs is not made: that reads the platform's authorities.
pub struct Probes {
    http: LazyLock<Connector>,
    transport: LazyLock<TransportConnector>,
    pub(super) vault: Vault,
}

impl std::fmt::Debug for Probes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Probes")
    }
}

/// The check of one endpoint.
struct Probe {
    probes: Arc<Probes>,
    peer: HttpPeer,
    /// What is asked; nothing where opening a connection is all.
    request: Option<RequestHeader>,
    settings: config::Health,
    protocol: Protocol,
}

impl Probes {
    /// Opens nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            http: LazyLock::new(|| Connector::new(None)),
            transport: LazyLock::new(|| TransportConnector::new(None)),
            vault: Vault::default(),
        })
    }

    /// Checks every endpoint of the pool from now on, until the pool is gone or retired. Those that passed in
    /// the pool `before` it have their turn within an interval: a reload must not ask a thousand of them at once.
    ///
    /// # Errors
    /// The path of the check cannot stand in a request, or an endpoint cannot be addressed.
    pub fn check(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        before: Option<&Arc<Pool>>,
        lifecycle: &Lifecycle,
    ) -> Result<()> {
        let Some(settings) = &pool.settings.health else { return Ok(()) };
        for endpoint in pool.endpoints() {
            let probe = self.probe(pool, endpoint, settings)?;
            let first = match before {
                Some(before) if was_checked(before, endpoint) && is_passing(endpoint) => {
                    settings.interval.get().mul_f64(fastrand::f64())
                }
                Some(_) | None => Duration::ZERO,
            };
            lifecycle.spawn("health check", watch(Arc::downgrade(pool), endpoint.index, (first, probe)));
        }
        Ok(())
    }

    fn probe(self: &Arc<Self>, pool: &Pool, endpoint: &Endpoint, settings: &config::Health) -> Result<Probe> {
        let mut peer = peer::bare(pool, endpoint, &self.vault)?;
        let limit = Some(settings.timeout.get());
        peer.options.connection_timeout = limit;
        peer.options.total_connection_timeout = limit;
        let request = match &settings.path {
            Some(path) => Some(request(path, settings.host.as_deref().unwrap_or(&endpoint.name))?),
            None => None,
        };
        // Made now, as the first check has no time to wait for it.
        match request {
            Some(_) => drop(LazyLock::force(&self.http)),
            None => drop(LazyLock::force(&self.transport)),
        }
        let (probes, settings) = (self.clone(), settings.clone());
        Ok(Probe { probes, peer, request, settings, protocol: pool.settings.protocol })
    }
}

fn is_passing(endpoint: &Endpoint) -> bool {
    endpoint.verdict(Instant::now()).is_passing
}

fn was_checked(before: &Pool, endpoint: &Endpoint) -> bool {
    before.settings.health.is_some() && before.endpoints().iter().any(|it| it.address == endpoint.address)
}

async fn watch(pool: Weak<Pool>, index: usize, (first, probe): (Duration, Probe)) {
    let settings = &probe.settings;
    sleep(first).await;
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
            match is_passing(endpoint) {
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
        (kind, _) => cause::tls_reason(error).unwrap_or_else(|| kind.as_str().to_owned()),
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
    request.insert_header(header::HOST, host)?;
    request.insert_header(header::USER_AGENT, "olympus-health")?;
    Ok(request)
}

impl Probe {
    async fn check(&self) -> Result<()> {
        let Some(request) = &self.request else {
            return self.probes.transport.new_stream(&self.peer).await.map(drop);
        };
        // Never given back, so that each check opens a connection of its own.
        let (mut session, _) = self.probes.http.get_http_session(&self.peer).await?;
        let mut request = Box::new(request.clone());
        match &session {
            HttpSession::H1(_) if self.protocol == Protocol::H2 => {
                return Error::e_explain(WRONG_ANSWER, "it did not agree to HTTP/2");
            }
            HttpSession::H1(_) => request.insert_header(header::CONNECTION, "close")?,
            HttpSession::H2(_) | HttpSession::Custom(_) => self.name_authority(&mut request),
        }
        session.write_request_header(request).await?;
        session.finish_request_body().await?;
        session.read_response_header().await?;
        let status = session.response_header().map_or(0, |head| head.status.as_u16());
        let wanted = self.settings.expect_status;
        if status != wanted {
            return Error::e_explain(WRONG_ANSWER, format!("status {status}, not {wanted}"));
        }
        self.check_body(&mut session).await
    }

    /// HTTP/2 has the host and the scheme in the target.
    fn name_authority(&self, request: &mut RequestHeader) {
        let Some(host) = request.remove_header(&header::HOST) else { return };
        let scheme = if self.peer.is_tls() { "https" } else { "http" };
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let uri = http::Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(path).build();
        if let Ok(uri) = uri {
            request.set_uri(uri);
        }
    }

    /// Reads the body to its end, or as far as it is looked through.
    async fn check_body(&self, session: &mut HttpSession<()>) -> Result<()> {
        let mut seen = Vec::new();
        while let Some(piece) = session.read_response_body().await? {
            let room = MOST_BODY.saturating_sub(seen.len());
            seen.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            if seen.len() >= MOST_BODY {
                break;
            }
        }
        match &self.settings.expect_body {
            Some(wanted) if !contains(&seen, wanted.as_bytes()) => {
                Error::e_explain(WRONG_ANSWER, format!("the body does not contain {wanted:?}"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len().max(1)).any(|window| window == part)
}
