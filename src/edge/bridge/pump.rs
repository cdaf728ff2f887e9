//! Moves the request's body from the client to the handler, and afterwards watches for the client's leaving.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType, Result};
use tokio::time::timeout;

use super::pipe::Pipe;

/// Where the request's body stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The handler has not asked for more.
    Waiting,
    /// The handler has asked: one chunk is read.
    Reading,
    /// There is no more: only the client's leaving can happen.
    Done,
}

/// What happened on the client's side.
#[derive(Debug)]
pub(super) enum Event {
    /// The handler asks for a chunk.
    Wanted,
    /// The client sent a chunk, or ended its body.
    Chunk(Option<Bytes>),
}

/// The client's side of a request that is served here.
#[derive(Debug)]
pub(super) struct Pump {
    stage: Stage,
    pipe: Pipe,
    /// Longest silence within the body. Pingora knows none over HTTP/2.
    idle: Duration,
    /// The client waits for `100 Continue` before it sends its body.
    awaits_continue: bool,
}

impl Pump {
    pub(super) fn new(session: &mut Session, pipe: Pipe, idle: Duration) -> Self {
        let is_empty = session.downstream_session.is_body_empty();
        let expect = session.req_header().headers.get(header::EXPECT);
        let awaits_continue = expect.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self { stage: if is_empty { Stage::Done } else { Stage::Waiting }, pipe, idle, awaits_continue }
    }

    /// Whether nothing more of the body will come.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether the client still waits to be told to send its body.
    pub(super) fn awaits_continue(&self) -> bool {
        self.awaits_continue
    }

    /// Waits for the next event. Cancel-safe: it changes nothing, [`Pump::apply`] does.
    pub(super) async fn next(&self, session: &mut Session) -> Result<Event> {
        match self.stage {
            Stage::Waiting => {
                poll_fn(|context| self.pipe.poll_wanted(context)).await;
                Ok(Event::Wanted)
            }
            Stage::Reading => {
                let chunk = timeout(self.idle, session.downstream_session.read_request_body()).await;
                let stalled = |_| Error::explain(ErrorType::ReadTimedout, "reading body").into_down();
                chunk.map_err(stalled)?.map(Event::Chunk)
            }
            Stage::Done => session.downstream_session.read_body_or_idle(true).await.map(Event::Chunk),
        }
    }

    /// Acts on an event. An error means that the client is gone and the handler is to be dropped.
    pub(super) async fn apply(&mut self, session: &mut Session, event: Result<Event>) -> Result<()> {
        match event {
            Ok(Event::Wanted) => {
                if std::mem::take(&mut self.awaits_continue) && session.response_written().is_none() {
                    let client = &mut session.downstream_session;
                    // The body is still to come, which Pingora takes as a reason to close afterwards.
                    client.set_close_on_response_before_downstream_finish(false);
                    let told = client.write_continue_response().await;
                    client.set_close_on_response_before_downstream_finish(true);
                    told.map_err(|error| error.into_down())?;
                }
                self.stage = Stage::Reading;
            }
            Ok(Event::Chunk(Some(chunk))) => {
                // A read may end between two chunks' headers with nothing to hand over.
                if !chunk.is_empty() {
                    self.pipe.push(chunk);
                    self.stage = Stage::Waiting;
                }
            }
            Ok(Event::Chunk(None)) => {
                if self.stage == Stage::Reading {
                    self.pipe.end();
                    self.stage = Stage::Done;
                }
            }
            Err(error) => {
                self.pipe.fail();
                return Err(as_gone(error));
            }
        }
        Ok(())
    }
}

/// How long the client said its body is.
pub(super) fn content_length(session: &Session) -> Option<u64> {
    session.req_header().headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A failure to read from the client is the client's leaving, but for one that was merely too slow.
fn as_gone(error: Box<Error>) -> Box<Error> {
    let mut error = error.into_down();
    let is_slow = matches!(error.etype(), ErrorType::ReadTimedout);
    if error.esource() == &ErrorSource::Downstream && !is_slow {
        error.etype = ErrorType::ConnectionClosed;
    }
    error
}
