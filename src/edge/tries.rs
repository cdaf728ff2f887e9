//! The tries of one request at the endpoints of a pool: begin one, set its deadline, learn from its end,
//! decide whether there is another.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Method};
use pingora::Error;
use pingora::protocols::Digest;
use pingora::proxy::Session;

use super::cause::{self, Seen};
use super::context::{Link, Proxied, Try};
use super::deadline::{Connection, Deadline, Deadlines};
use super::expectation::Expectation;
use super::expiry::Expiry;
use super::waiting::Waiting;
use crate::http::retry_after;
use crate::telemetry::{Metrics, Span};
use crate::upstream::{
    Attempt, Demand, Failure, Fault, Outcome, PATIENCE, Pool, Refused, Verdict, backoff, may_retry, permit_by,
};

impl Proxied {
    /// Begins the next try, unless the pool refuses.
    pub(super) fn begin(&mut self, metrics: &Metrics, request: &Span, now: Instant) -> Result<&Try, Refused> {
        if let Some(last) = self.current.take() {
            self.waited += now.saturating_duration_since(last.started);
            last.observe(&self.pool, metrics, now);
        }
        let demand = Demand { now, random: fastrand::u64(..), key: self.key };
        let pick = self.pool.pick(&mut self.tried, &demand).inspect_err(|it| self.refused = Some(*it))?;
        if self.tried.count() > 1 {
            metrics.retried(&self.pool.name);
        }
        self.body_sent = 0;
        let span = request.call("try");
        span.set("olympus.upstream", || self.pool.name.to_string());
        span.set("server.address", || pick.endpoint().name.to_string());
        span.set("http.request.resend_count", || self.tried.count().saturating_sub(1) as i64);
        Ok(self.current.insert(Try {
            pick,
            span,
            started: now,
            sent: None,
            unanswered: None,
            outcome: None,
            is_reused: false,
            link: None,
            deadline: None,
            end: None,
            waiting: None,
            status: None,
            last_byte: None,
        }))
    }

    /// The connection of the try is open.
    pub(super) fn connected(&mut self, (fd, is_reused): (i32, bool), digest: Option<&Digest>) {
        let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
        let local = socket.and_then(|socket| socket.local_addr()?.as_inet().copied());
        if let Some(current) = &mut self.current {
            current.is_reused = is_reused;
            current.link = Some(Link::Own(Connection { fd, local }));
        }
    }

    /// That connection serves other requests too.
    pub(super) fn shared(&mut self) {
        if let Some(current) = &mut self.current {
            current.link = Some(Link::Shared);
            current.end = None;
        }
    }

    /// From now on the connection is shut down when the request's time is over.
    pub(super) fn end_with(&mut self, expiry: Expiry, deadlines: &Deadlines) {
        if let Some(current) = &mut self.current
            && let (Some(Link::Own(connection)), Some(at)) = (current.link, expiry.at())
        {
            current.end = Some(deadlines.set(connection, at));
        }
    }

    /// The answer is complete: the connection may serve others from now on.
    pub(super) fn let_go(&mut self) {
        if let Some(current) = &mut self.current {
            current.end = None;
        }
    }

    /// Whether the answer's head did not come in time.
    pub(super) fn is_late(&self) -> bool {
        self.current.as_ref().and_then(|it| it.deadline.as_ref()).is_some_and(Deadline::has_fired)
    }

    /// Whether the endpoint may be silent because it waits for the rest of the request, as the gateway does.
    pub(super) fn awaits_body(&self) -> bool {
        self.expectation != Expectation::Waiting
            && self.current.as_ref().is_some_and(|it| it.sent.is_none() && it.status.is_none())
    }

    /// The try ended with the request's time, which is no fault of the endpoint.
    pub(super) fn out_of_time(&mut self) {
        self.failure = None;
        self.let_go();
    }

    /// The whole request has been handed on: from now on the backend is waited for.
    ///
    /// An upload takes as long as the client needs; stalls on either side have timeouts of their own. Returns the
    /// deadline where it cannot be watched here, as the connection is shared.
    pub(super) fn sent(&mut self, deadlines: &Deadlines, response_timeout: Duration) -> Option<Instant> {
        let now = Instant::now();
        if self.tried.count() == 1 && self.body_sent > 0 {
            self.answer_by = now + response_timeout;
        }
        let by = self.answer_by.min(now + self.pool.settings.try_timeout.get());
        let current = self.current.as_mut()?;
        current.sent = Some(now);
        current.unanswered = current.status.is_none().then(|| current.pick.wait(now));
        match (current.link, current.status) {
            (Some(Link::Own(connection)), None) => {
                current.deadline = Some(deadlines.set(connection, by));
                None
            }
            (Some(Link::Shared), None) => Some(by),
            (None, _) | (_, Some(_)) => None,
        }
    }

    /// Keeps what watches the deadline on a shared connection.
    pub(super) fn wait(&mut self, waiting: Waiting) {
        if let Some(current) = &mut self.current {
            current.waiting = Some(waiting);
        }
    }

    /// Nothing is waited for any longer.
    pub(super) fn stop_waiting(&mut self, session: &mut Session) {
        if let Some(waiting) = self.current.as_mut().and_then(|it| it.waiting.take()) {
            waiting.end(&mut session.downstream_session);
        }
    }

    /// The head of the answer has come.
    pub(super) fn answered(&mut self, status: u16, headers: &HeaderMap, metrics: &Metrics) {
        let now = Instant::now();
        // Nobody else is asked when to come again.
        let retry_after = if status != 503 { None } else { retry_after(headers, SystemTime::now) };
        if let Some(current) = &mut self.current {
            current.deadline = None;
            current.unanswered = None;
            current.status = Some(status);
            current.span.set("http.response.status_code", || i64::from(status));
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
        // Pingora has closed the connection: from now on its descriptor may be another's.
        self.let_go();
        let has_head = self.has_head();
        let is_open = self.current.as_ref().is_some_and(|it| it.link.is_some());
        let deadline = self.current.as_mut().and_then(|it| it.deadline.take());
        let failure = match is_open {
            true => {
                let is_late = deadline.is_some_and(|it| it.has_fired());
                let is_reused = self.current.as_ref().is_some_and(|it| it.is_reused);
                cause::failure(error, Seen { has_head, is_late, is_reused })
            }
            false => cause::connecting(error),
        };
        self.failure = Some(failure);
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.unanswered = None;
            current.span.fail(failure.as_str());
            let outcome = Outcome::Failed { failure, latency: current.latency(now) };
            current.outcome = Some(outcome);
            tell(&self.pool, current, self.pool.report(&current.pick, outcome, now));
            let endpoint = &*current.pick.endpoint().name;
            metrics.failed(&self.pool.name, endpoint, failure.as_str());
            if matches!(failure, Failure::Tls | Failure::Certificate) {
                let reason = cause::tls_reason(error).unwrap_or_else(|| error.to_string());
                tracing::warn!(upstream = &*self.pool.name, endpoint, reason, "no TLS with the endpoint");
            }
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
        self.permit = permit_by(&self.pool, by).await;
        self.permit.is_some()
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
        if verdict.state.is_good() {
            tracing::info!(upstream = &*pool.name, endpoint, state, "endpoint is back");
        } else {
            tracing::warn!(upstream = &*pool.name, endpoint, state, reason, "endpoint changed its state");
        }
    }
}

impl Try {
    /// Counts an answer of a backend, whether or not it is the one that the client gets.
    pub(super) fn observe(&self, pool: &Pool, metrics: &Metrics, now: Instant) {
        let Some(status) = self.status else { return };
        let took = self.last_byte.unwrap_or(now).saturating_duration_since(self.started);
        metrics.answered(&pool.name, &self.pick.endpoint().name, status, took);
    }

    /// How long the backend has had.
    fn latency(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.sent.unwrap_or(self.started))
    }
}
