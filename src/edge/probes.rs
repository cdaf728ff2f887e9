//! Active health checks, made with pingora-load-balancing's; what they mean is decided by the pool.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pingora::http::RequestHeader;
use pingora::lb::Backend;
use pingora::lb::health_check::{HealthCheck, HttpHealthCheck, TcpHealthCheck};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, Result};
use tokio::time::{sleep, timeout};

use crate::config::{self, Address};
use crate::tasks::Lifecycle;
use crate::upstream::{Endpoint, Pool};

/// Part of an interval by which checks are spread, so that many endpoints are not asked at the same moment.
const JITTER: f64 = 0.1;

/// The endpoint answered, but not as it should.
const WRONG_ANSWER: ErrorType = ErrorType::Custom("wrong answer");

type Check = Arc<dyn HealthCheck + Send + Sync>;

/// Checks every endpoint of the pool from now on, until the pool is gone or retired.
///
/// # Errors
/// The path of the check cannot stand in a request, or an endpoint cannot be addressed.
pub fn check_health(pool: &Arc<Pool>, lifecycle: &Lifecycle) -> Result<()> {
    let Some(settings) = &pool.settings.health else { return Ok(()) };
    for endpoint in pool.endpoints() {
        let check = check(settings, endpoint)?;
        let backend = Backend { addr: address(endpoint)?, weight: 1, ext: Default::default() };
        let watch = watch(Arc::downgrade(pool), endpoint.index, settings.clone(), (check, backend));
        lifecycle.spawn("health check", watch);
    }
    Ok(())
}

async fn watch(pool: Weak<Pool>, index: usize, settings: config::Health, (check, backend): (Check, Backend)) {
    loop {
        let result = match timeout(settings.timeout.get(), check.check(&backend)).await {
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

fn check(settings: &config::Health, endpoint: &Endpoint) -> Result<Check> {
    let limit = Some(settings.timeout.get());
    let Some(path) = &settings.path else {
        let mut check = TcpHealthCheck::default();
        check.peer_template.options.connection_timeout = limit;
        return Ok(Arc::new(check));
    };
    let host = settings.host.clone().unwrap_or_else(|| endpoint.name.to_string());
    let mut check = HttpHealthCheck::new(&host, false);
    check.req = RequestHeader::build("GET", path.as_bytes(), None)?;
    check.req.insert_header("Host", host)?;
    check.req.insert_header("User-Agent", "olympus-health")?;
    check.req.insert_header("Connection", "close")?;
    check.peer_template.options.connection_timeout = limit;
    check.peer_template.options.read_timeout = limit;
    let wanted = settings.expect_status;
    check.validator = Some(Box::new(move |answer| match answer.status.as_u16() {
        status if status == wanted => Ok(()),
        status => Error::e_explain(WRONG_ANSWER, format!("status {status}, not {wanted}")),
    }));
    Ok(Arc::new(check))
}

fn address(endpoint: &Endpoint) -> Result<SocketAddr> {
    match &endpoint.address {
        Address::Ip(address) => Ok(SocketAddr::Inet(*address)),
        Address::Unix(path) => {
            let made = std::os::unix::net::SocketAddr::from_pathname(path);
            made.map(SocketAddr::Unix)
                .map_err(|error| Error::because(ErrorType::SocketError, "unix socket", error))
        }
    }
}
