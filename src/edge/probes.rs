//! Active health checks. They connect as requests do, but on connections of their own; what they mean is decided by
//! the pool.

use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use http::{Uri, header};
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
    question: Option<Question>,
    settings: config::Health,
    protocol: Protocol,
}

/// What a check asks for.
struct Question {
    /// As HTTP/1.1 has it.
    head: RequestHeader,
    /// The target with the scheme and the host, as HTTP/2 has it; nothing where that is not spoken.
    whole: Option<Uri>,
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
        let question = match &settings.path {
            Some(path) => Some(Question::new(path, host(pool, endpoint, settings), pool)?),
            None => None,
        };
        // Made now, as the first check has no time to wait for it.
        match question {
            Some(_) => drop(LazyLock::force(&self.http)),
            None => drop(LazyLock::force(&self.transport)),
        }
        let (probes, settings) = (self.clone(), settings.clone());
        Ok(Probe { probes, peer, question, settings, protocol: pool.settings.protocol })
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

/// Whom a check asks.
fn host<'a>(pool: &'a Pool, endpoint: &'a Endpoint, settings: &'a config::Health) -> &'a str {
    match &settings.host {
        Some(host) => host,
        None => peer::host(pool, endpoint),
    }
}

impl Question {
    fn new(path: &str, host: &str, pool: &Pool) -> Result<Self> {
        let mut head = RequestHeader::build("GET", path.as_bytes(), None)?;
        head.insert_header(header::HOST, host)?;
        head.insert_header(header::USER_AGENT, "olympus-health")?;
        let whole = match pool.settings.protocol {
            Protocol::Http1 => None,
            Protocol::H2 | Protocol::Auto => Some(whole(path, host, pool.settings.tls.is_some())?),
        };
        Ok(Self { head, whole })
    }

    fn in_http1(&self) -> Result<Box<RequestHeader>> {
        let mut request = Box::new(self.head.clone());
        request.insert_header(header::CONNECTION, "close")?;
        Ok(request)
    }

    fn in_http2(&self) -> Box<RequestHeader> {
        let mut request = Box::new(self.head.clone());
        if let Some(whole) = &self.whole {
            request.remove_header(&header::HOST);
            request.set_uri(whole.clone());
        }
        request
    }
}

fn whole(path: &str, host: &str, is_tls: bool) -> Result<Uri> {
    let scheme = if is_tls { "https" } else { "http" };
    let made = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build();
    made.map_err(|error| Error::because(ErrorType::InvalidHTTPHeader, "the target of a check", error))
}

impl Probe {
    async fn check(&self) -> Result<()> {
        let Some(question) = &self.question else {
            return self.probes.transport.new_stream(&self.peer).await.map(drop);
        };
        // Never given back, so that each check opens a connection of its own.
        let (mut session, _) = self.probes.http.get_http_session(&self.peer).await?;
        let request = match &session {
            HttpSession::H1(_) if self.protocol == Protocol::H2 => {
                return Error::e_explain(WRONG_ANSWER, "it did not agree to HTTP/2");
            }
            HttpSession::H1(_) => question.in_http1()?,
            HttpSession::H2(_) | HttpSession::Custom(_) => question.in_http2(),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The host of a check over HTTP/1.1, and its target over HTTP/2.
    fn asked(address: &str, more: &str) -> (String, Option<String>) {
        let text = format!(
            "endpoints = [{{ address = \"{address}\" }}]\n{more}\n[health]\npath = \"/healthz?all=1\""
        );
        let pool = Pool::new("app", &toml::from_str(&text).unwrap(), Instant::now());
        let (endpoint, settings) = (&pool.endpoints()[0], pool.settings.health.as_ref().unwrap());
        let question = Question::new("/healthz?all=1", host(&pool, endpoint, settings), &pool).unwrap();
        let (one, two) = (question.in_http1().unwrap(), question.in_http2());
        let host = one.headers.get(header::HOST).unwrap().to_str().unwrap().to_owned();
        (host, two.uri.authority().map(|_| two.uri.to_string()))
    }

    #[test]
    fn a_check_names_a_host_whatever_it_connects_to() {
        let target = |target: &str| Some(target.to_owned());
        assert_eq!(asked("127.0.0.1:9", ""), ("127.0.0.1:9".to_owned(), None));
        assert_eq!(asked("unix:/run/app.sock", ""), ("localhost".to_owned(), None));
        assert_eq!(
            asked("unix:/run/app.sock", "protocol = \"h2\""),
            ("localhost".to_owned(), target("http://localhost/healthz?all=1"))
        );
        assert_eq!(
            asked("unix:/run/app.sock", "protocol = \"auto\"\ntls = { sni = \"shop.example\" }"),
            ("shop.example".to_owned(), target("https://shop.example/healthz?all=1"))
        );
    }

    #[test]
    fn a_target_that_cannot_be_is_told_of_at_once() {
        assert!(whole("/healthz", "unix:/run/app.sock", false).is_err());
    }
}
