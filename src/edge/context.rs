//! What the edge remembers of one request between Pingora's hooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::cause::Cause;
use super::deadline::{Connection, Deadline};
use super::expectation::Expectation;
use super::expiry::Expiry;
use super::peer;
use super::waiting::Waiting;
use crate::pipeline::Exchange;
use crate::tasks::InFlight;
use crate::telemetry::{ActiveRequest, Span};
use crate::upstream::{Failure, Outcome, Pick, Pool, Refused, RetryPermit, Tried, Unanswered};

/// One request, from its head to its access line.
#[derive(Debug)]
pub(super) struct Context {
    /// When the head was complete, on the clock and on the calendar.
    pub(super) started: Instant,
    pub(super) time: DateTime<Utc>,
    /// When it must be over.
    pub(super) expiry: Expiry,
    /// Whether the client asks for a tunnel.
    pub(super) opens_tunnel: bool,
    /// Set by admission, which is the first thing that happens.
    pub(super) exchange: Option<Exchange>,
    /// Why it failed, if it did.
    pub(super) cause: Option<Cause>,
    /// What the one that saw the failure said of it.
    pub(super) error: Option<String>,
    /// Set where a backend answers.
    pub(super) proxied: Option<Proxied>,
    pub(super) _in_flight: InFlight,
    pub(super) _active: ActiveRequest,
}

/// A request that goes to a backend.
#[derive(Debug)]
pub(super) struct Proxied {
    pub(super) pool: Arc<Pool>,
    pub(super) tried: Tried,
    /// What a hashing pool goes by.
    pub(super) key: Option<u64>,
    /// Leave for the retry under way, where it needs one.
    pub(super) permit: Option<RetryPermit>,
    /// How long to wait before the next try.
    pub(super) pause: Duration,
    /// Until when the next try may wait for its place in the pool's budget, where it has none yet.
    pub(super) leave_by: Option<Instant>,
    /// Why the pool chose nobody, if it did not.
    pub(super) refused: Option<Refused>,
    /// The try under way, or the last one.
    pub(super) current: Option<Try>,
    /// When the answer's head must be there at the latest, all tries together.
    pub(super) answer_by: Instant,
    /// How the last failed try failed.
    pub(super) failure: Option<Failure>,
    /// Waiting for earlier tries.
    pub(super) waited: Duration,
    /// What became of `Expect: 100-continue`.
    pub(super) expectation: Expectation,
    /// Bytes of the request's body passed on in this try.
    pub(super) body_sent: u64,
}

/// One try at one endpoint.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) pick: Pick,
    /// Its span, where the request is traced.
    pub(super) span: Span,
    pub(super) started: Instant,
    /// When the whole request had been handed on.
    pub(super) sent: Option<Instant>,
    /// From then to the head of the answer.
    pub(super) unanswered: Option<Unanswered>,
    /// What came of it, as far as is known.
    pub(super) outcome: Option<Outcome>,
    /// Whether its connection has carried other requests before.
    pub(super) is_reused: bool,
    /// What it goes over, once that is open.
    pub(super) link: Option<Link>,
    /// Watched on a connection of its own.
    pub(super) deadline: Option<Deadline>,
    /// The end of the whole request's time, for as long as the connection is ours.
    pub(super) end: Option<Deadline>,
    /// The same on one that is shared.
    pub(super) waiting: Option<Waiting>,
    /// Status of the answer, once its head has come.
    pub(super) status: Option<u16>,
    /// When the last of the answer came.
    pub(super) last_byte: Option<Instant>,
}

/// What a try goes over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    /// A connection that serves nothing else meanwhile.
    Own(Connection),
    /// A stream among others.
    Shared,
}

impl Context {
    pub(super) fn new(in_flight: InFlight, active: ActiveRequest) -> Self {
        Self {
            started: Instant::now(),
            time: Utc::now(),
            expiry: Expiry::default(),
            opens_tunnel: false,
            exchange: None,
            cause: None,
            error: None,
            proxied: None,
            _in_flight: in_flight,
            _active: active,
        }
    }
}

impl Proxied {
    pub(super) fn new(pool: Arc<Pool>, answer_by: Instant, expectation: Expectation) -> Self {
        Self {
            pool,
            tried: Tried::default(),
            key: None,
            permit: None,
            pause: Duration::ZERO,
            leave_by: None,
            refused: None,
            current: None,
            answer_by,
            failure: None,
            waited: Duration::ZERO,
            expectation,
            body_sent: 0,
        }
    }

    /// The host of the endpoint that is tried.
    pub(super) fn host(&self) -> Option<&str> {
        self.current.as_ref().map(|it| peer::host(&self.pool, it.pick.endpoint()))
    }

    /// Whether the head of an answer has come: from then on nothing can be tried again.
    pub(super) fn has_head(&self) -> bool {
        self.current.as_ref().is_some_and(|it| it.status.is_some())
    }

    /// Time spent waiting for backends, up to the end of the answer as far as it came.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        let current =
            self.current.as_ref().map(|it| it.last_byte.unwrap_or(now).saturating_duration_since(it.started));
        self.waited + current.unwrap_or_default()
    }
}
