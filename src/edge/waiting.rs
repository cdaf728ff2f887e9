//! The deadline of a try on a connection that other requests share (HTTP/2). Shutting the connection down would end
//! them too, and Pingora's read timeout cannot tell a head that does not come from a body that pauses. So while the
//! head of the answer is waited for, the client's session is one that fails when the time is over: Pingora takes
//! that for the end of the request and resets its stream, and only that. Before anything is answered, the client's
//! own session is put back, unharmed. The same way leads around a race of Pingora's about upgrades.

use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session;
use pingora::protocols::http::{HttpTask, ServerSession};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, Result};
use tokio::time::sleep_until;

/// The head of the answer did not come in time.
pub(super) const NO_ANSWER: ErrorType = ErrorType::Custom("no answer in time");

/// Where the client's own session comes back to.
type Home = Arc<Mutex<Option<ServerSession>>>;

/// A deadline that is watched until [`Waiting::end`].
#[derive(Clone)]
pub(super) struct Waiting(Home);

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

impl Waiting {
    /// From now on, waiting for the client fails with [`NO_ANSWER`] at the given time.
    pub(super) fn begin(session: &mut ServerSession, until: Instant) -> Self {
        Self::wrap(session, Purpose::Deadline(until))
    }

    /// From now on the client of an upgrade seems to have something to send. Else Pingora hands on that its empty body
    /// is over, which counts as the end of the tunnel where the backend's 101 is read before.
    pub(super) fn for_upgrade(session: &mut ServerSession) -> Self {
        Self::wrap(session, Purpose::Upgrade { is_handed_on: false })
    }

    fn wrap(session: &mut ServerSession, purpose: Purpose) -> Self {
        let home = Home::default();
        let inner = std::mem::replace(session, nobody());
        *session = ServerSession::new_custom(Box::new(Watched { inner, purpose, home: home.clone() }));
        Self(home)
    }

    /// Puts the client's own session back.
    pub(super) fn end(&self, session: &mut ServerSession) {
        drop(std::mem::replace(session, nobody()));
        if let Some(inner) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            *session = inner;
        }
    }
}

/// A session with nobody, to stand where one is taken from. Nothing is ever asked of it.
fn nobody() -> ServerSession {
    ServerSession::new_http1(Box::new(Cursor::new(Vec::<u8>::new())))
}

/// A client's session that is what it was but for one thing.
struct Watched {
    inner: ServerSession,
    purpose: Purpose,
    home: Home,
}

/// What is different about it.
enum Purpose {
    /// It waits for the client only until then.
    Deadline(Instant),
    /// Its empty body has no end once the request's head was handed on, when Pingora asks for that end first.
    Upgrade { is_handed_on: bool },
}

impl Drop for Watched {
    fn drop(&mut self) {
        let inner = std::mem::replace(&mut self.inner, nobody());
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(inner);
    }
}

type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

#[async_trait]
impl Session for Watched {
    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        let until = match self.purpose {
            Purpose::Deadline(until) => until,
            Purpose::Upgrade { .. } => return self.inner.read_body_or_idle(true).await,
        };
        tokio::select! {
            read = self.inner.read_body_or_idle(no_body_expected) => read,
            () = sleep_until(until.into()) => Error::e_explain(NO_ANSWER, "the head of the answer"),
        }
    }

    fn req_header(&self) -> &RequestHeader {
        self.inner.req_header()
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        self.inner.req_header_mut()
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.inner.read_request_body().await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        self.inner.drain_request_body().await
    }

    async fn write_response_header(&mut self, head: Box<ResponseHeader>, _end: bool) -> Result<()> {
        self.inner.write_response_header(head).await
    }

    async fn write_response_header_ref(&mut self, head: &ResponseHeader, _end: bool) -> Result<()> {
        self.inner.write_response_header_ref(head).await
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.inner.write_response_body(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.inner.write_response_trailers(trailers).await
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        self.inner.response_duplex_vec(tasks).await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_read_timeout(timeout);
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.inner.get_read_timeout()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_write_timeout(timeout);
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.inner.get_write_timeout()
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_total_drain_timeout(timeout);
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.inner.get_total_drain_timeout()
    }

    fn request_summary(&self) -> String {
        self.inner.request_summary()
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.inner.response_written()
    }

    async fn shutdown(&mut self, _code: u32, _why: &str) {
        self.inner.shutdown().await;
    }

    fn is_body_done(&mut self) -> bool {
        match &mut self.purpose {
            Purpose::Deadline(_) => self.inner.is_body_done(),
            Purpose::Upgrade { is_handed_on } => {
                *is_handed_on = true;
                false
            }
        }
    }

    async fn finish(&mut self) -> Result<()> {
        self.inner.finish_body().await
    }

    fn is_body_empty(&mut self) -> bool {
        match self.purpose {
            Purpose::Deadline(_) => self.inner.is_body_empty(),
            Purpose::Upgrade { is_handed_on } => !is_handed_on,
        }
    }

    fn body_bytes_sent(&self) -> usize {
        self.inner.body_bytes_sent()
    }

    fn body_bytes_read(&self) -> usize {
        self.inner.body_bytes_read()
    }

    fn digest(&self) -> Option<&Digest> {
        self.inner.digest()
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.inner.digest_mut()
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.inner.client_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.inner.server_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.inner.to_h1_raw()
    }

    fn enable_retry_buffering(&mut self) {
        self.inner.enable_retry_buffering();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.inner.retry_buffer_truncated()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.inner.get_retry_buffer()
    }

    fn is_upgrade_req(&self) -> bool {
        self.inner.is_upgrade_req()
    }

    fn was_upgraded(&self) -> bool {
        self.inner.was_upgraded()
    }

    // HTTP has no messages beside its bodies.

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: Messages) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}
