//! The tries of one call: as those of a client's request, with the same words for faults, the same budget and waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{sleep, timeout_at};

use super::answer::{Answer, bad};
use super::backend::{Backend, Request};
use super::errand::Errand;
use crate::error::{Error, Kind, Result};
use crate::http::{Breach, Cut, Reply, retry_after};
use crate::telemetry::Span;
use crate::upstream::{
    Attempt, Demand, Failure, Fault, Outcome, PATIENCE, Pick, Refused, RetryPermit, Tried, backoff,
    may_retry, permit_by,
};

impl Backend {
    /// Asks until an endpoint answers, within the pool's rules and the errand's time. `read` makes of the answer what
    /// was agreed on; an answer it refuses as [`Kind::BadGateway`] speaks against the endpoint.
    ///
    /// # Errors
    /// `Unavailable` where the pool refuses, `GatewayTimeout` where time is over, `BadGateway` where the endpoint of
    /// the last try failed or answered nonsense, and whatever `read` says.
    pub async fn ask<T>(
        &self,
        errand: &Errand<'_>,
        mut request: Request,
        read: impl FnOnce(&Answer) -> Result<T>,
    ) -> Result<T> {
        errand.pass_on(&mut request.call.headers);
        let mut tries = Tries { backend: self, by: errand.by, tried: Tried::default(), permit: None };
        loop {
            let one = tries.begin()?;
            errand.trace(&one.span, &mut request.call.headers);
            let fault = match one.send(&request, errand.by).await {
                Ok(reply) if !one.may_repeat(Fault::Status(reply.status), &request, &tries) => {
                    return one.finish(reply, (request.most, errand.by), read).await;
                }
                Ok(reply) => Fault::Status(reply.status),
                // Dropped without a report, as it is where who asked has left.
                Err(Ended::OutOfTime) => return Err(error(Failure::Timeout)),
                Err(Ended::Failed(failure)) if !one.may_repeat(Fault::Failure(failure), &request, &tries) => {
                    one.conclude(one.failed(failure));
                    return Err(error(failure));
                }
                Err(Ended::Failed(failure)) => Fault::Failure(failure),
            };
            if !tries.wait(fault, &request).await {
                return Err(one.given_up(fault));
            }
        }
    }
}

/// The tries of one call so far.
struct Tries<'t> {
    backend: &'t Backend,
    by: Instant,
    tried: Tried,
    /// The place in the retry budget of the try that runs.
    permit: Option<RetryPermit>,
}

/// One try at one endpoint.
struct One<'t> {
    backend: &'t Backend,
    pick: Pick,
    span: Span,
    started: Instant,
    /// Whether the pool knows how it ended.
    is_settled: AtomicBool,
}

/// Why a try came to no answer.
enum Ended {
    /// The endpoint failed.
    Failed(Failure),
    /// The time of who asked was over first, which is no fault of the endpoint.
    OutOfTime,
}

impl<'t> Tries<'t> {
    fn begin(&mut self) -> Result<One<'t>> {
        let now = Instant::now();
        if now >= self.by {
            return Err(error(Failure::Timeout));
        }
        let demand = Demand { now, random: fastrand::u64(..), key: None };
        let pick = self.backend.pool.pick(&mut self.tried, &demand).map_err(refusal)?;
        if self.tried.count() > 1 {
            self.backend.metrics.retried(&self.backend.pool.name);
        }
        let span = Span::current().call("call");
        span.set("olympus.upstream", || self.backend.pool.name.to_string());
        span.set("server.address", || pick.endpoint().name.to_string());
        span.set("http.request.resend_count", || self.tried.count().saturating_sub(1) as i64);
        Ok(One { backend: self.backend, pick, span, started: now, is_settled: AtomicBool::new(false) })
    }

    fn attempt(&self, fault: Fault, request: &Request) -> Attempt {
        // The whole body is at hand.
        Attempt { fault, is_idempotent: request.is_repeatable, can_replay: true, tries: self.tried.count() }
    }

    /// Waits before the next try, and for its place in the budget. Says whether there is one in time.
    async fn wait(&mut self, fault: Fault, request: &Request) -> bool {
        let pool = &self.backend.pool;
        self.permit = None;
        let pause =
            backoff(pool.settings.retry.backoff.get(), &self.attempt(fault, request), fastrand::u64(..));
        if !fault.is_before_send() {
            self.permit = permit_by(pool, self.by.min(Instant::now() + PATIENCE)).await;
            if self.permit.is_none() {
                return false;
            }
        }
        if Instant::now() + pause >= self.by {
            return false;
        }
        sleep(pause).await;
        true
    }
}

impl One<'_> {
    /// To the head of the answer. The pool learns of it, and of a failure.
    async fn send(&self, request: &Request, by: Instant) -> Result<Reply, Ended> {
        let Ok(client) = self.backend.client(&self.pick.endpoint().address) else {
            return Err(Ended::Failed(Failure::Refused));
        };
        let until = self.started + self.backend.pool.settings.try_timeout.get();
        let waiting = self.pick.wait(self.started);
        let sent = timeout_at(by.min(until).into(), client.send(&request.call)).await;
        drop(waiting);
        let (failure, why) = match sent {
            Ok(Ok(reply)) => {
                self.span.set("http.response.status_code", || i64::from(reply.status));
                if reply.status >= 500 {
                    self.refused(&reply);
                }
                return Ok(reply);
            }
            Ok(Err((breach, why))) => (failure(breach), why),
            Err(_) if by < until => return Err(Ended::OutOfTime),
            Err(_) => (Failure::Timeout, "the head of the answer did not come in time".to_owned()),
        };
        let (pool, endpoint) = (&*self.backend.pool.name, &*self.pick.endpoint().name);
        tracing::debug!(upstream = pool, endpoint, failure = failure.as_str(), why, "a call failed");
        self.report(self.failed(failure));
        self.backend.metrics.failed(pool, endpoint, failure.as_str());
        Err(Ended::Failed(failure))
    }

    /// A status that speaks against the endpoint, whatever else it says.
    fn refused(&self, reply: &Reply) {
        let retry_after = retry_after(&reply.headers, SystemTime::now);
        self.report(Outcome::Answered { status: reply.status, latency: self.latency(), retry_after });
        self.backend.metrics.failed(&self.backend.pool.name, &self.pick.endpoint().name, "status");
    }

    /// Reads the answer and makes of it what was agreed on. Only then has the endpoint done what it should.
    async fn finish<T>(
        &self,
        reply: Reply,
        (most, by): (usize, Instant),
        read: impl FnOnce(&Answer) -> Result<T>,
    ) -> Result<T> {
        let (status, latency) = (reply.status, self.latency());
        let answered = Outcome::Answered { status, latency, retry_after: None };
        let (result, outcome) = match timeout_at(by.into(), reply.read(most)).await {
            Ok(Ok(body)) => {
                let result = read(&Answer { status, body });
                let is_bad = result.as_ref().is_err_and(|error| error.kind() == Kind::BadGateway);
                (result, if is_bad { self.failed(Failure::Protocol) } else { answered })
            }
            Ok(Err(cut)) => {
                let message = match cut {
                    Cut::TooLarge => "a backend's answer is larger than was agreed",
                    Cut::Broken => "a backend's answer broke off",
                };
                (Err(bad(message)), self.failed(Failure::Truncated))
            }
            // The head came in time, and nothing says that the rest would not have come.
            Err(_) => (Err(error(Failure::Timeout)), Outcome::Abandoned { latency }),
        };
        // A status of failure has been reported as such.
        let outcome = if status < 500 { outcome } else { answered };
        if status < 500 {
            self.report(outcome);
        }
        self.conclude(outcome);
        result
    }

    /// Whether the pool's rules allow another try after this one. `all_methods` is for what clients send: what must
    /// not be repeated here is not.
    fn may_repeat(&self, fault: Fault, request: &Request, tries: &Tries<'_>) -> bool {
        let is_safe = request.is_repeatable || fault.is_unprocessed();
        is_safe
            && may_retry(&self.backend.pool.settings.retry, &tries.attempt(fault, request))
            && Instant::now() < tries.by
    }

    /// What is told where this try was the last after all.
    fn given_up(&self, fault: Fault) -> Error {
        match fault {
            Fault::Failure(failure) => {
                self.conclude(self.failed(failure));
                error(failure)
            }
            Fault::Status(status) => {
                self.conclude(Outcome::Answered { status, latency: self.latency(), retry_after: None });
                Answer { status, body: bytes::Bytes::new() }.unexpected()
            }
        }
    }

    fn failed(&self, failure: Failure) -> Outcome {
        self.span.fail(failure.as_str());
        Outcome::Failed { failure, latency: self.latency() }
    }

    fn latency(&self) -> Duration {
        self.started.elapsed()
    }

    fn report(&self, outcome: Outcome) {
        self.is_settled.store(true, Ordering::Relaxed);
        let pool = &self.backend.pool;
        let Some(verdict) = pool.report(&self.pick, outcome, Instant::now()) else { return };
        let (endpoint, state) = (&*self.pick.endpoint().name, verdict.state.as_str());
        if verdict.state.is_good() {
            tracing::info!(upstream = &*pool.name, endpoint, state, "endpoint is back");
        } else {
            let reason = &*verdict.reason;
            tracing::warn!(upstream = &*pool.name, endpoint, state, reason, "endpoint changed its state");
        }
    }

    fn conclude(&self, outcome: Outcome) {
        self.backend.pool.conclude(&self.pick, outcome, Instant::now());
    }
}

impl Drop for One<'_> {
    /// Who asked has left, or had no more time, before the endpoint could show what it would do.
    fn drop(&mut self) {
        if !self.is_settled.load(Ordering::Relaxed) {
            self.report(Outcome::Abandoned { latency: self.latency() });
        }
    }
}

fn failure(breach: Breach) -> Failure {
    match breach {
        Breach::Refused => Failure::Refused,
        Breach::ConnectTimeout => Failure::ConnectTimeout,
        Breach::Tls => Failure::Tls,
        Breach::Certificate => Failure::Certificate,
        Breach::Broken => Failure::Reset,
    }
}

fn error(failure: Failure) -> Error {
    match failure {
        Failure::Timeout | Failure::ConnectTimeout => {
            Error::new(Kind::GatewayTimeout, "a backend did not answer in time")
        }
        Failure::Refused
        | Failure::Tls
        | Failure::Certificate
        | Failure::Declined
        | Failure::Reset
        | Failure::Truncated
        | Failure::Protocol => bad("a backend could not be reached, or broke off"),
    }
}

fn refusal(refused: Refused) -> Error {
    let why = match refused {
        Refused::Full => "the backends have as much to do as they may",
        Refused::NoEndpoint | Refused::AllBad { .. } => "no backend can take this now",
    };
    Error::new(Kind::Unavailable, why)
}
