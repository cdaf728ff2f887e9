//! The bridge: a request that arrived through Pingora is served by a handler in this process, streaming both
//! ways. The handler sees an `http::Request` whose body is read from the client only as fast as it is polled;
//! a client that leaves drops the handler.

mod pipe;
mod pump;
mod write;

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, Response};
use http_body_util::Limited;
use pingora::Result;
use pingora::proxy::Session;

use super::expiry::Expiry;
use crate::tasks::Lifecycle;
use pipe::{Pipe, PipeBody};
use pump::Pump;

/// What a request that is served here may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'l> {
    /// Largest body of the request, in bytes.
    pub(super) body: u64,
    /// Longest silence of the client within its body.
    pub(super) body_idle: Duration,
    /// When the request must be over.
    pub(super) expiry: Expiry,
    /// Knows whether the client is to be asked to go elsewhere.
    pub(super) lifecycle: &'l Lifecycle,
}

/// Serves the session's request with a handler, within bounds.
///
/// # Errors
/// The client left or broke the protocol, the time was over, or the body of the answer failed midway; where an
/// answer had begun the connection has been cut, so that the client does not take the part for the whole.
pub(super) async fn serve<F, R>(session: &mut Session, bounds: Bounds<'_>, handler: F) -> Result<()>
where
    F: FnOnce(Request<Body>) -> R,
    R: Future<Output = Response<Body>>,
{
    session.downstream_session.set_pipelining_enabled(true);
    let pipe = Pipe::default();
    let mut pump = Pump::new(session, pipe.clone(), bounds.body_idle);
    let body = match pump.is_done() {
        true => Body::empty(),
        false => Body::new(Limited::new(
            PipeBody::new(pipe, pump::content_length(session)),
            usize::try_from(bounds.body).unwrap_or(usize::MAX),
        )),
    };
    let request = Request::from_parts(session.req_header().as_owned_parts(), body);
    let answer = {
        let mut handler = pin!(handler(request));
        loop {
            // Both arms are cancel-safe; whatever writes or fails happens in their bodies.
            let event = tokio::select! {
                biased;
                answer = &mut handler => break answer,
                () = bounds.expiry.wait() => return Err(bounds.expiry.error()),
                event = pump.next(session) => event,
            };
            pump.apply(session, event).await?;
        }
    };
    if bounds.lifecycle.is_leaving() {
        session.set_keepalive(None);
    }
    write::answer(session, answer, &mut pump, bounds.expiry.answered(Instant::now())).await
}

/// Writes an answer that needs nothing of the request's body.
///
/// # Errors
/// The client left.
pub(super) async fn respond(session: &mut Session, answer: Response<Body>) -> Result<()> {
    session.downstream_session.set_pipelining_enabled(true);
    // Nobody asks for the body, so its silence is never waited for.
    let mut pump = Pump::new(session, Pipe::default(), Duration::ZERO);
    write::answer(session, answer, &mut pump, Expiry::default()).await
}
