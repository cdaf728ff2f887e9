//! A pipe with room for one chunk: it is filled only when its reader waits, so that an unread body stays
//! in the client's socket and `100 Continue` is sent only to whom it serves.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Why a body ends before its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientGone;

impl std::fmt::Display for ClientGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client left before its body was complete")
    }
}

impl std::error::Error for ClientGone {}

/// The writing end, and the state both ends share.
#[derive(Debug, Clone, Default)]
pub(super) struct Pipe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    slot: Option<Result<Bytes, ClientGone>>,
    is_wanted: bool,
    is_ended: bool,
    is_dropped: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// Ready when the reader waits for a chunk; never again once it dropped its end.
    pub(super) fn poll_wanted(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_wanted && state.slot.is_none() && !state.is_dropped {
            return Poll::Ready(());
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Hands a chunk to the reader, which has asked for it.
    pub(super) fn push(&self, chunk: Bytes) {
        self.put(|state| state.slot = Some(Ok(chunk)));
    }

    /// Tells the reader that the body is complete.
    pub(super) fn end(&self) {
        self.put(|state| state.is_ended = true);
    }

    /// Tells the reader that no more will come.
    pub(super) fn fail(&self) {
        self.put(|state| {
            state.is_ended = true;
            state.slot = Some(Err(ClientGone));
        });
    }

    fn put(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.is_wanted = false;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// Held for a few instructions by one end or the other, never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading end, as the handler sees it.
#[derive(Debug)]
pub(super) struct PipeBody {
    pipe: Pipe,
    /// What is still to come, where the client said how long its body is.
    remaining: Option<u64>,
}

impl PipeBody {
    pub(super) fn new(pipe: Pipe, length: Option<u64>) -> Self {
        Self { pipe, remaining: length }
    }
}

impl Body for PipeBody {
    type Data = Bytes;
    type Error = ClientGone;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientGone>>> {
        let taken = {
            let mut state = self.pipe.lock();
            match state.slot.take() {
                Some(taken) => taken,
                None if state.is_ended => return Poll::Ready(None),
                None => {
                    state.is_wanted = true;
                    state.reader = Some(context.waker().clone());
                    if let Some(writer) = state.writer.take() {
                        writer.wake();
                    }
                    return Poll::Pending;
                }
            }
        };
        if let (Ok(chunk), Some(remaining)) = (&taken, self.remaining.as_mut()) {
            *remaining = remaining.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(Some(taken.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for PipeBody {
    fn drop(&mut self) {
        let mut state = self.pipe.lock();
        state.is_dropped = true;
        state.slot = None;
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::future::poll_fn;

    #[tokio::test]
    async fn a_chunk_is_asked_for_only_while_the_reader_waits() {
        let pipe = Pipe::default();
        let mut body = PipeBody::new(pipe.clone(), Some(3));
        let mut wanted = Box::pin(poll_fn(|context| pipe.poll_wanted(context)));
        assert!(futures_util::poll!(&mut wanted).is_pending());
        let mut frame = Box::pin(body.frame());
        assert!(futures_util::poll!(&mut frame).is_pending());
        assert!(futures_util::poll!(&mut wanted).is_ready());
        pipe.push(Bytes::from_static(b"abc"));
        assert_eq!(frame.await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert_eq!(body.size_hint().exact(), Some(0));
        pipe.end();
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_dropped_reader_never_wants_more() {
        let pipe = Pipe::default();
        let mut body = PipeBody::new(pipe.clone(), None);
        assert!(futures_util::poll!(Box::pin(body.frame())).is_pending());
        drop(body);
        let mut wanted = Box::pin(poll_fn(|context| pipe.poll_wanted(context)));
        assert!(futures_util::poll!(&mut wanted).is_pending());
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_an_error_and_not_an_end() {
        let pipe = Pipe::default();
        let mut body = PipeBody::new(pipe.clone(), None);
        pipe.fail();
        assert!(body.frame().await.unwrap().is_err());
    }
}
