//! The tries of one request at the endpoints of a pool: begin one, set its deadline, learn from its end,
//! decide whether there is another.

use std::time::Instant;

use http::Method;
use pingora::Error;
use pingora::protocols::Digest;

use super::cause;
use super::context::{Proxied, Try};
use super::deadline::{Connection, Deadlines};
use crate::config::RetryOn;
use crate::telemetry::Metrics;
use crate::upstream::{Failure, Outcome};

impl Proxied {
    /// Begins the next try; `None` if no endpoint takes traffic.
    pub(super) fn begin(&mut self, metrics: &Metrics, now: Instant) -> Option<&Try> {
        if let Some(last) = self.current.take() {
            self.waited += now.saturating_duration_since(last.started);
        }
        let pick = self.pool.pick(&mut self.tried)?;
        if self.tried.count() > 1 {
            metrics.retried(&self.pool.name);
        }
        self.body_sent = 0;
        let started = now;
        let attempt = Try { pick, started, connection: None, deadline: None, status: None, last_byte: None };
        Some(self.current.insert(attempt))
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
    pub(super) fn sent(&mut self, deadlines: &Deadlines, response_timeout: std::time::Duration) {
        let now = Instant::now();
        if self.tried.count() == 1 && self.body_sent > 0 {
            self.answer_by = now + response_timeout;
        }
        let by = self.answer_by.min(now + self.pool.settings.try_timeout.get());
        if let Some(current) = &mut self.current
            && let (Some(connection), None) = (current.connection, current.status)
        {
            current.deadline = Some(deadlines.set(connection, by));
        }
    }

    /// The head of the answer has come.
    pub(super) fn answered(&mut self, status: u16) {
        if let Some(current) = &mut self.current {
            current.deadline = None;
            current.status = Some(status);
            current.last_byte = Some(Instant::now());
            self.pool.report(current.pick.endpoint(), Outcome::Answered(status));
        }
    }

    /// The try failed. Says how.
    pub(super) fn failed(&mut self, error: &Error, metrics: &Metrics) -> Failure {
        let has_head = self.has_head();
        let deadline = self.current.as_mut().and_then(|it| it.deadline.take());
        let failure = cause::failure(error, has_head, deadline.is_some_and(|it| it.has_fired()));
        self.failure = Some(failure);
        if let Some(current) = &self.current {
            let endpoint = current.pick.endpoint();
            self.pool.report(endpoint, Outcome::Failed(failure));
            metrics.failed(&self.pool.name, &endpoint.name, failure.as_str());
        }
        failure
    }

    /// Whether a failed try may be followed by another.
    pub(super) fn may_retry(&self, failure: Failure, method: &Method, can_replay: bool) -> bool {
        let retry = &self.pool.settings.retry;
        let asked = match failure {
            Failure::Refused | Failure::ConnectTimeout => RetryOn::Connect,
            Failure::Reset | Failure::Protocol => RetryOn::Reset,
            Failure::Timeout => RetryOn::Timeout,
            Failure::Truncated => return false,
        };
        let is_safe = failure.is_before_send() || (method.is_idempotent() && can_replay);
        let tries_left = self.tried.count() <= usize::try_from(retry.max_retries).unwrap_or(usize::MAX);
        is_safe && tries_left && retry.on.contains(&asked) && Instant::now() < self.answer_by
    }
}
