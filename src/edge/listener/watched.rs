//! A client's connection under watch. Pingora's deadlines begin again at every read and its limits are fixed, so
//! this stands between it and the socket: heads must be whole in time and not too large, and HTTP/2 may not flood.
//! Over HTTP/1.1 it also keeps the time between requests and that of each write: Pingora registers a timer for both.
//! Bodies pass untouched. What is refused is answered here; Pingora then sees the connection end.

use std::fmt;
use std::future::poll_fn;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::allowance::Allowances;
use super::crowd::Place;
use super::farewell::Farewell;
use super::frames::{CONTINUATION, Frame, FrameScan, GOAWAY, SETTINGS, code_of_go_away, go_away};
use super::head::{HeadScan, Scanned, Tail};
use super::refusal::Refusal;
use crate::telemetry::Doing;

/// CONTINUATION frames that any head may come in. The HTTP/2 implementation takes as many, but counts nothing.
const MOST_CONTINUATIONS: usize = 5;
/// What a frame can hold, in bytes.
const FRAME: usize = 16 << 10;
/// How long the last of what is written may stand where nothing else was said, in milliseconds.
const LINGER: u32 = 5_000;
/// Of a head that is waited for, what is read at once, in bytes.
const FIRST_READ: usize = 4 << 10;

/// What is demanded of heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// From the first byte to the last.
    pub(super) within: Duration,
    /// From the end of a request to the first byte of the next.
    pub(super) apart: Duration,
    /// Largest size in bytes.
    pub(super) most: usize,
}

/// A connection under watch, and its place among the others.
pub(super) struct Watched<S> {
    pub(super) inner: S,
    place: Place,
    heads: Heads,
    state: State,
    /// When the head that has begun must be whole.
    deadline: Option<Instant>,
    /// When the next head must have begun.
    idle: Option<Instant>,
    /// Whether heads are seen to end where Pingora sees them end: it holds nothing of the next one then.
    is_in_step: bool,
    /// Set when a head was parsed, by those who only share the connection.
    is_parsed: AtomicBool,
    /// Wakes at either.
    alarm: Alarm,
    /// How long the client may leave a write standing, in milliseconds; 0 for ever. Set by those who share it too.
    patience: AtomicU32,
    /// When the write that stands must be over. Most never stand.
    stalled: Option<Box<(Instant, Alarm)>>,
}

enum State {
    /// A head of HTTP/1.1 is to come, or has come in part.
    Head(HeadScan),
    /// What follows it, until the next head is expected.
    Rest(Tail),
    Http2(Box<Http2>),
    /// It was refused, and is told so.
    Leaving(Box<Farewell>),
    Gone,
}

struct Http2 {
    incoming: FrameScan,
    outgoing: FrameScan,
    allowances: Allowances,
    has_settings: bool,
    /// CONTINUATION frames of the head under way.
    continuations: usize,
}

impl Http2 {
    /// Looks at bytes that came. `most` is the size of the largest head.
    fn look(&mut self, bytes: &[u8], most: usize) -> Result<(), Refusal> {
        let Self { incoming, allowances, has_settings, continuations, .. } = self;
        incoming.read(bytes, |frame: Frame, _| {
            *has_settings |= frame.kind == SETTINGS;
            if !*has_settings {
                return Err(Refusal::NoSettings);
            }
            *continuations = if frame.kind == CONTINUATION { *continuations + 1 } else { 0 };
            if *continuations > MOST_CONTINUATIONS.max(most / FRAME) {
                return Err(Refusal::Scattered);
            }
            allowances.spend(frame, Instant::now).map_err(Refusal::Flood)
        })
    }
}

impl<S> Watched<S> {
    /// A connection that speaks HTTP/1.1 and must have sent its first head by then.
    pub(super) fn http1(inner: S, place: Place, heads: Heads, first: Instant) -> Self {
        let state = State::Head(HeadScan::default());
        place.listed().does(Doing::Waiting);
        Self::new(inner, place, heads, state, first)
    }

    /// A connection that speaks HTTP/2 and must have sent its preface and settings by then.
    pub(super) fn http2(inner: S, place: Place, heads: Heads, first: Instant) -> Self {
        let http2 = Http2 {
            incoming: FrameScan::of_client(),
            outgoing: FrameScan::default(),
            allowances: Allowances::new(Instant::now()),
            has_settings: false,
            continuations: 0,
        };
        place.listed().does(Doing::Multiplexing);
        Self::new(inner, place, heads, State::Http2(Box::new(http2)), first)
    }

    fn new(inner: S, place: Place, heads: Heads, state: State, first: Instant) -> Self {
        Self {
            inner,
            place,
            heads,
            state,
            deadline: Some(first),
            idle: None,
            is_in_step: true,
            is_parsed: AtomicBool::new(false),
            alarm: Alarm::default(),
            patience: AtomicU32::new(0),
            stalled: None,
        }
    }

    /// Whether it speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.state, State::Http2(_))
    }

    /// From now on a head is expected: the request before is over.
    pub(super) fn expect_head(&mut self) {
        *self.is_parsed.get_mut() = false;
        self.place.listed().does(Doing::Waiting);
        if let State::Rest(tail) = self.state {
            self.state = State::Head(HeadScan::after(tail));
            self.idle = Some(Instant::now() + self.heads.apart);
        }
    }

    /// Whether no byte of the head that is expected has been read.
    pub(super) fn is_between_requests(&self) -> bool {
        self.is_in_step && matches!(&self.state, State::Head(scan) if scan.is_untouched())
    }

    /// The head was parsed. Of a pipelined request nobody else knows: all of it may have come with what was before it.
    pub(super) fn head_was_parsed(&self) {
        self.is_parsed.store(true, Ordering::Relaxed);
        self.place.listed().asks();
    }

    /// From now on the client may leave a write standing for so long.
    pub(super) fn bear(&self, patience: Duration) {
        self.patience.store(u32::try_from(patience.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// From now on the rest of a request is read, if its head is known to be over.
    fn settle(&mut self) {
        if std::mem::take(self.is_parsed.get_mut()) && matches!(self.state, State::Head(_)) {
            self.end_head();
        }
    }

    /// The head is over, wherever that was.
    fn end_head(&mut self) {
        self.state = State::Rest(Tail::default());
        (self.deadline, self.idle) = (None, None);
        self.is_in_step = false;
    }

    /// Looks at bytes that came.
    fn look(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.idle = None;
        let is_pending = match &mut self.state {
            State::Head(scan) => {
                // Where something of the head may have been read before, the end of a line may end the head; what else it
                // begins with cannot.
                self.is_in_step |=
                    scan.is_untouched() && !matches!(bytes.first(), None | Some(b'\r' | b'\n'));
                match scan.read(bytes, self.heads.most) {
                    Scanned::Partial => !scan.is_untouched(),
                    Scanned::Whole { after } => {
                        let mut tail = Tail::default();
                        tail.read(bytes.get(bytes.len() - after..).unwrap_or_default());
                        self.state = State::Rest(tail);
                        self.is_in_step &= after == 0;
                        false
                    }
                    Scanned::TooLarge => return Err(Refusal::HeadTooLarge),
                    Scanned::TooMany => return Err(Refusal::TooManyHeaders),
                }
            }
            State::Rest(tail) => {
                tail.read(bytes);
                self.is_in_step &= bytes.is_empty();
                return Ok(());
            }
            State::Http2(http2) => {
                http2.look(bytes, self.heads.most)?;
                // Clients number their streams by odd numbers.
                self.place.listed().has_asked(http2.incoming.stream().div_ceil(2));
                !http2.has_settings || http2.incoming.is_within_head()
            }
            State::Leaving(_) | State::Gone => return Ok(()),
        };
        match (is_pending, self.deadline) {
            (true, None) => self.deadline = Some(Instant::now() + self.heads.within),
            (false, Some(_)) => self.deadline = None,
            (true, Some(_)) | (false, None) => {}
        }
        Ok(())
    }

    /// Notes bytes that were sent: an answer ends its request's head, however that was split.
    fn sent(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Head(_) if !bytes.is_empty() => self.end_head(),
            State::Http2(http2) => {
                if let Err(refusal) = http2.outgoing.read(bytes, ended) {
                    self.place.refused(refusal);
                }
            }
            State::Head(_) | State::Rest(_) | State::Leaving(_) | State::Gone => {}
        }
    }

    /// Counts the refusal and begins to tell it, if there is anything to tell.
    fn refuse(&mut self, refusal: Refusal) {
        self.place.refused(refusal);
        let word = match &self.state {
            State::Head(scan) if !scan.is_untouched() => refusal.answer(),
            State::Http2(http2) if http2.outgoing.is_between_frames() => {
                go_away(http2.incoming.stream(), refusal.code())
            }
            State::Head(_) | State::Rest(_) | State::Http2(_) | State::Leaving(_) | State::Gone => Vec::new(),
        };
        self.state = match word.is_empty() {
            true => State::Gone,
            false => State::Leaving(Box::new(Farewell::new(word))),
        };
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Leaving(_) | State::Gone)
    }

    /// Ready when something did not come in time, with what to do about it: nobody has to go on asking.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        let (deadline, refusal) = match (self.deadline, self.idle) {
            (Some(deadline), _) => (deadline, Refusal::Slow),
            (None, Some(idle)) => (idle, Refusal::Gone),
            (None, None) => return Poll::Pending,
        };
        self.alarm.poll(deadline, context).map(|()| refusal)
    }

    /// What came of a write, unless it stands for too long.
    fn bounded<T>(&mut self, write: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let patience = self.patience.load(Ordering::Relaxed);
        if write.is_ready() || patience == 0 {
            return write;
        }
        let until = || Instant::now() + Duration::from_millis(patience.into());
        let (until, alarm) = &mut **self.stalled.get_or_insert_with(|| Box::new((until(), Alarm::default())));
        ready!(alarm.poll(*until, context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Whether the HTTP/2 implementation ends the connection for what the client did. Nothing of note follows then.
fn ended(frame: Frame, payload: &[u8]) -> Result<(), Refusal> {
    match (frame.kind, code_of_go_away(payload)) {
        (GOAWAY, Some(11)) => Err(Refusal::Excessive),
        (GOAWAY, Some(code)) if code > 0 => Err(Refusal::WrongFrames),
        _ => Ok(()),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// Waits for a head to begin, and returns what came of it; nothing where the connection ended instead. Until then
    /// no memory is held for it.
    pub(super) async fn begin(&mut self) -> Option<BytesMut> {
        poll_fn(|context| {
            let mut space = [MaybeUninit::uninit(); FIRST_READ];
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut *self).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(None);
            }
            // The rest of a head is read into the same.
            let room = if matches!(self.state, State::Head(_)) { FIRST_READ } else { buffer.filled().len() };
            let mut bytes = BytesMut::with_capacity(room);
            bytes.extend_from_slice(buffer.filled());
            Poll::Ready(Some(bytes))
        })
        .await
    }

    /// Nothing more is read by others from then on: for them the connection has ended.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Leaving(farewell) = &mut self.state {
            ready!(farewell.poll(&mut self.inner, context));
            self.state = State::Gone;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_over() {
            return this.poll_leave(context);
        }
        this.settle();
        let before = buffer.filled().len();
        let refusal = match Pin::new(&mut this.inner).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => match this.look(buffer.filled().get(before..).unwrap_or_default()) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(refusal) => refusal,
            },
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => ready!(this.poll_deadline(context)),
        };
        buffer.set_filled(before);
        this.refuse(refusal);
        this.poll_leave(context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_over() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = Pin::new(&mut this.inner).poll_write(context, bytes);
        let sent = ready!(this.bounded(write, context))?;
        if sent > 0 {
            this.stalled = None;
        }
        this.sent(bytes.get(..sent).unwrap_or_default());
        Poll::Ready(Ok(sent))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_over() {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        let write = Pin::new(&mut this.inner).poll_write_vectored(context, pieces);
        let sent = ready!(this.bounded(write, context))?;
        if sent > 0 {
            this.stalled = None;
        }
        let mut left = sent;
        for piece in pieces {
            let of_it = left.min(piece.len());
            this.sent(piece.get(..of_it).unwrap_or_default());
            left -= of_it;
        }
        Poll::Ready(Ok(sent))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.inner).poll_flush(context);
        ready!(this.bounded(flush, context))?;
        this.stalled = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.inner).poll_shutdown(context);
        // What is to be written before the end may stand as any write may.
        let patience = this.patience.get_mut();
        *patience = NonZeroU32::new(*patience).map_or(LINGER, NonZeroU32::get);
        this.bounded(shutdown, context)
    }
}

impl<S: fmt::Debug> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "watched_tests.rs"]
mod tests;
