//! The tries of one request at the endpoints of a pool: begin one, set its deadline, learn from its end,
//! decide whether there is another.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::header::{COOKIE, RETRY_AFTER};
use http::{HeaderMap, Method};
use pingora::Error;
use pingora::protocols::Digest;
use tokio::time::sleep;

use super::cause;
use super::context::{Proxied, Try};
use super::deadline::{Connection, Deadlines};
use crate::config::{Balance, HashKey};
use crate::http::ClientAddress;
use crate::telemetry::Metrics;
use crate::upstream::{
    Attempt, Demand, Failure, Fault, Outcome, PATIENCE, Pool, Refused, Verdict, backoff, hash, may_retry,
};

/// Between two questions for a place in the budget. A place is held for a round trip or more.
const LONGEST_WAIT_MS: u64 = 10;

impl Proxied {
    /// Begins the next try, unless the pool refuses.
    pub(super) fn begin(&mut self, metrics: &Metrics, now: Instant) -> Result<&Try, Refused> {
        if let Some(last) = self.current.take() {
            self.waited += now.saturating_duration_since(last.started);
        }
        let demand = Demand { now, random: fastrand::u64(..), key: self.key };
        let pick = self.pool.pick(&mut self.tried, &demand).inspect_err(|it| self.refused = Some(*it))?;
        if self.tried.count() > 1 {
            metrics.retried(&self.pool.name);
        }
        self.body_sent = 0;
        let started = now;
        Ok(self.current.insert(Try {
            pick,
            started,
            sent: None,
            waiting: None,
            outcome: None,
            connection: None,
            deadline: None,
            status: None,
            last_byte: None,
        }))
    }

    /// The connection of the try is open.
    pub(super) fn connected(&mut self, fd: i32, digest: Option<&Digest>) {
        let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
        let local = socket.and_then(|socket| socket.local_addr()?.as_inet().copied());
        if let Some(current) = &mut self.current {
            current.connection = Some(Connection { fd, local });
        }
    }

    /// The whole request has been handed on: from now on the backend is waited for.
    ///
    /// An upload takes as long as the client needs; stalls on either side have timeouts of their own.
    pub(super) fn sent(&mut self, deadlines: &Deadlines, response_timeout: Duration) {
        let now = Instant::now();
        if self.tried.count() == 1 && self.body_sent > 0 {
            self.answer_by = now + response_timeout;
        }
        let by = self.answer_by.min(now + self.pool.settings.try_timeout.get());
        if let Some(current) = &mut self.current {
            current.sent = Some(now);
            current.waiting = current.status.is_none().then(|| current.pick.wait(now));
        }
        if let Some(current) = &mut self.current
            && let (Some(connection), None) = (current.connection, current.status)
        {
            current.deadline = Some(deadlines.set(connection, by));
        }
    }

    /// The head of the answer has come.
    pub(super) fn answered(&mut self, status: u16, headers: &HeaderMap, metrics: &Metrics) {
        let (now, retry_after) = (Instant::now(), retry_after(headers));
        if let Some(current) = &mut self.current {
            current.deadline = None;
            current.waiting = None;
            current.status = Some(status);
            current.last_byte = Some(now);
            let outcome = Outcome::Answered { status, latency: current.latency(now), retry_after };
            current.outcome = Some(outcome);
            tell(&self.pool, current, self.pool.report(&current.pick, outcome, now));
            if status >= 500 {
                metrics.failed(&self.pool.name, &current.pick.endpoint().name, "status");
            }
        }
    }

    /// The try failed. Says how.
    pub(super) fn failed(&mut self, error: &Error, metrics: &Metrics) -> Failure {
        let has_head = self.has_head();
        let deadline = self.current.as_mut().and_then(|it| it.deadline.take());
        let failure = cause::failure(error, has_head, deadline.is_some_and(|it| it.has_fired()));
        self.failure = Some(failure);
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.waiting = None;
            let outcome = Outcome::Failed { failure, latency: current.latency(now) };
            current.outcome = Some(outcome);
            tell(&self.pool, current, self.pool.report(&current.pick, outcome, now));
            metrics.failed(&self.pool.name, &current.pick.endpoint().name, failure.as_str());
        }
        failure
    }

    /// Whether a failed try may be followed by another, if there is [leave](Self::has_leave) for it. Says how long
    /// to pause before it.
    pub(super) fn may_retry(&mut self, fault: Fault, method: &Method, can_replay: bool) -> bool {
        let settings = &self.pool.settings.retry;
        let (is_idempotent, tries) = (method.is_idempotent(), self.tried.count());
        let attempt = Attempt { fault, is_idempotent, can_replay, tries };
        if !may_retry(settings, &attempt) {
            return false;
        }
        // Of the try that failed; that of one that is answered is held until the request is over.
        (self.permit, self.leave_by) = (None, None);
        self.pause = backoff(settings.backoff.get(), &attempt, fastrand::u64(..));
        let now = Instant::now();
        if now + self.pause >= self.answer_by {
            return false;
        }
        if !fault.is_before_send() {
            self.permit = self.pool.permit_retry();
            self.leave_by = self.permit.is_none().then(|| self.answer_by.min(now + PATIENCE));
        }
        true
    }

    /// Waits for the next try's place in the pool's budget, unless it needs none or has it already.
    pub(super) async fn has_leave(&mut self) -> bool {
        let Some(by) = self.leave_by.take() else { return true };
        while self.permit.is_none() {
            if Instant::now() >= by {
                self.pool.forgo_retry();
                return false;
            }
            sleep(Duration::from_millis(fastrand::u64(1..=LONGEST_WAIT_MS))).await;
            self.permit = self.pool.permit_retry();
        }
        true
    }

    /// The request is over: the pool learns what came of it in the end.
    pub(super) fn conclude(&self, now: Instant) {
        let Some(current) = &self.current else { return };
        match (current.outcome, current.sent) {
            (Some(outcome), _) => self.pool.conclude(&current.pick, outcome, now),
            (None, Some(_)) => {
                let abandoned = Outcome::Abandoned { latency: current.latency(now) };
                self.pool.report(&current.pick, abandoned, now);
            }
            (None, None) => {}
        }
    }
}

/// Says that an endpoint is looked at differently from now on.
fn tell(pool: &Pool, current: &Try, changed: Option<Verdict>) {
    if let Some(verdict) = changed {
        let (endpoint, state, reason) =
            (&*current.pick.endpoint().name, verdict.state.as_str(), &*verdict.reason);
        tracing::warn!(upstream = &*pool.name, endpoint, state, reason, "endpoint changed its state");
    }
}

impl Try {
    /// How long the backend has had.
    fn latency(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.sent.unwrap_or(self.started))
    }
}

/// What a pool that hashes goes by; `None` where the request lacks it.
pub(super) fn key(balance: &Balance, client: &ClientAddress, headers: &HeaderMap) -> Option<u64> {
    match balance {
        Balance::Hash(HashKey::Ip) => Some(match client.ip {
            IpAddr::V4(ip) => hash(&ip.octets()),
            IpAddr::V6(ip) => hash(&ip.octets()),
        }),
        Balance::Hash(HashKey::Header(name)) => headers.get(name.get()).map(|value| hash(value.as_bytes())),
        Balance::Hash(HashKey::Cookie(name)) => cookie(headers, name).map(|value| hash(value.as_bytes())),
        Balance::Wrr | Balance::LeastRequest | Balance::P2c | Balance::PeakEwma | Balance::Random => None,
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// `Retry-After` in seconds; a date is not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
