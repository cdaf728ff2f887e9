//! The end of a connection that is cut: a last word, then a moment in which what the client still sends is thrown
//! away. To close at once would take the last word back: unread bytes turn the close into a reset.

use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long it may take.
const LINGER: Duration = Duration::from_secs(1);
/// How much is thrown away at most, in bytes.
const MOST: usize = 4 << 20;

/// A last word on its way.
#[derive(Debug)]
pub(super) struct Farewell {
    word: Vec<u8>,
    step: Step,
    end: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write { written: usize },
    Flush,
    Shutdown,
    Drain { read: usize },
}

impl Farewell {
    /// Begins to say these bytes.
    pub(super) fn new(word: Vec<u8>) -> Self {
        Self { word, step: Step::Write { written: 0 }, end: Box::pin(sleep(LINGER)) }
    }

    /// Goes on; ready when the connection can be closed.
    pub(super) fn poll<S>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        while let Some(next) = ready!(self.poll_step(Pin::new(stream), context)) {
            self.step = next;
        }
        Poll::Ready(())
    }

    /// The next step; none at the end or when the client is gone.
    fn poll_step<S>(&self, mut stream: Pin<&mut S>, context: &mut Context<'_>) -> Poll<Option<Step>>
    where
        S: AsyncRead + AsyncWrite,
    {
        Poll::Ready(match self.step {
            Step::Write { written } => match self.word.get(written..).filter(|rest| !rest.is_empty()) {
                None => Some(Step::Flush),
                Some(rest) => match ready!(stream.as_mut().poll_write(context, rest)) {
                    Ok(0) | Err(_) => None,
                    Ok(more) => Some(Step::Write { written: written + more }),
                },
            },
            Step::Flush => ready!(stream.as_mut().poll_flush(context)).ok().map(|()| Step::Shutdown),
            Step::Shutdown => {
                ready!(stream.as_mut().poll_shutdown(context)).ok().map(|()| Step::Drain { read: 0 })
            }
            Step::Drain { read } if read > MOST => None,
            Step::Drain { read } => match ready!(poll_discard(stream, context)) {
                0 => None,
                more => Some(Step::Drain { read: read + more }),
            },
        })
    }
}

/// How many bytes were thrown away; 0 at the end.
fn poll_discard<S: AsyncRead>(stream: Pin<&mut S>, context: &mut Context<'_>) -> Poll<usize> {
    let mut room = [MaybeUninit::uninit(); 4096];
    let mut room = ReadBuf::uninit(&mut room);
    Poll::Ready(match ready!(stream.poll_read(context, &mut room)) {
        Ok(()) => room.filled().len(),
        Err(_) => 0,
    })
}
