//! What the proxy does about a try while it runs and when it fails.

use std::time::{Duration, Instant};

use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType, Result};

use super::cause;
use super::context::Context;
use super::gateway::Gateway;
use super::waiting::{NO_ANSWER, Waiting};
use crate::config::Protocol;
use crate::upstream::Fault;

impl Gateway {
    /// Notes whether other requests share the connection, and refuses one that is not what the pool is for.
    pub(super) fn settle_link(&self, context: &mut Context, is_h2: bool) -> Result<()> {
        let Some(proxied) = &mut context.proxied else { return Ok(()) };
        if is_h2 {
            proxied.shared();
        } else if proxied.pool.settings.protocol == Protocol::H2 {
            return Error::e_explain(cause::NO_HTTP2, "the backend did not agree to HTTP/2")
                .map_err(|error: Box<Error>| error.into_up());
        }
        Ok(())
    }

    /// The whole request has been handed on.
    pub(super) fn sent(&self, session: &mut Session, context: &mut Context) {
        let (Some(exchange), Some(proxied)) = (&context.exchange, &mut context.proxied) else { return };
        let limit = exchange.route.as_ref().map_or(Duration::ZERO, |route| route.response_timeout);
        if let Some(until) = proxied.sent(&self.deadlines, limit) {
            let until = context.expiry.at().map_or(until, |end| end.min(until));
            proxied.wait(Waiting::begin(&mut session.downstream_session, until));
        }
    }

    /// Learns from a failed try and decides whether there is another. The client's failures are not the pool's.
    pub(super) fn after_try(
        &self,
        session: &Session,
        context: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let is_ours = *error.etype() == cause::BODY_TOO_LARGE;
        let Some(proxied) = &mut context.proxied else { return error };
        if *error.etype() == cause::TRY_AGAIN {
            // The pool has learned from the answer and given leave already; the connection is closed.
            proxied.let_go();
            error.set_retry(true);
            return error;
        }
        if *error.etype() == NO_ANSWER {
            // It was the wait for the client that ended, but on the backend's account.
            error.as_up();
        }
        if *error.etype() == ErrorType::ReadTimedout && proxied.awaits_body() {
            error = error.into_down();
        }
        if is_ours || *error.esource() == ErrorSource::Downstream {
            error.set_retry(false);
            return error;
        }
        if context.expiry.has_come(Instant::now()) && !proxied.is_late() {
            proxied.out_of_time();
            error.set_retry(false);
            return error;
        }
        let failure = proxied.failed(&error, &self.telemetry.metrics);
        let can_replay = !session.as_ref().retry_buffer_truncated();
        error.set_retry(proxied.may_retry(Fault::Failure(failure), &session.req_header().method, can_replay));
        error
    }
}
