//! The bridge: a request that arrived through Pingora is served by a handler in this process, streaming both
//! ways. The handler sees an `http::Request` whose body is read from the client only as fast as it is polled;
//! a client that leaves drops the handler.

mod pipe;
mod pump;
mod write;

use std::future::Future;
use std::pin::pin;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::Limited;
use pingora::Result;
use pingora::proxy::Session;

use pipe::{Pipe, PipeBody};
use pump::Pump;

/// Serves the session's request with a handler whose body may not be larger than the limit, in bytes.
///
/// # Errors
/// The client left or broke the protocol, or the body of the answer failed midway; in that case the
/// connection has been cut, so that the client does not take the part for the whole.
pub(super) async fn serve<F, R>(session: &mut Session, limit: u64, handler: F) -> Result<()>
where
    F: FnOnce(Request<Body>) -> R,
    R: Future<Output = Response<Body>>,
{
    session.downstream_session.set_pipelining_enabled(true);
    let pipe = Pipe::default();
    let mut pump = Pump::new(session, pipe.clone());
    let body = match pump.is_done() {
        true => Body::empty(),
        false => Body::new(Limited::new(
            PipeBody::new(pipe, pump::content_length(session)),
            usize::try_from(limit).unwrap_or(usize::MAX),
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
                event = pump.next(session) => event,
            };
            pump.apply(session, event).await?;
        }
    };
    write::answer(session, answer, &mut pump).await
}

/// Writes an answer that needs nothing of the request's body.
///
/// # Errors
/// The client left.
pub(super) async fn respond(session: &mut Session, answer: Response<Body>) -> Result<()> {
    session.downstream_session.set_pipelining_enabled(true);
    let mut pump = Pump::new(session, Pipe::default());
    write::answer(session, answer, &mut pump).await
}
