//! What Pingora asks of a stream besides reading and writing: all of it is asked of the connection itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{ALPN, SslDigest, TlsRef};
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::AsyncWriteExt;

use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::TlsStream;
use pingora::proxy::Session;

use super::watched::Watched;

/// Tells the watch over a request's connection that its head was parsed.
pub(in crate::edge) fn head_was_parsed(session: &Session) {
    watch(session, Watched::head_was_parsed, Watched::head_was_parsed);
}

/// Says how long the client may leave a write standing: to the watch over its connection, or to Pingora where there is
/// none. Over HTTP/2 a write of one stream stands where the client takes no more of it, which only Pingora knows.
pub(in crate::edge) fn bear(session: &mut Session, patience: Duration) {
    if !watch(session, |it| it.bear(patience), |it| it.bear(patience)) {
        session.set_write_timeout(Some(patience));
    }
}

/// Tells the watch over an HTTP/1.1 connection something, without TLS or behind it. Says whether there is one.
fn watch(
    session: &Session,
    plain: impl FnOnce(&Watched<L4Stream>),
    secure: impl FnOnce(&Watched<TlsStream<L4Stream>>),
) -> bool {
    let Some(session) = session.downstream_session.as_http1() else { return false };
    let stream: &dyn IO = &**session.stream();
    if let Some(watched) = stream.as_any().downcast_ref() {
        plain(watched);
    } else if let Some(watched) = stream.as_any().downcast_ref() {
        secure(watched);
    } else {
        return false;
    }
    true
}

#[async_trait]
impl<S: IO> Shutdown for Watched<S> {
    async fn shutdown(&mut self) {
        // Whether it ended well or not, it has ended.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl<S: IO> UniqueID for Watched<S> {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl<S: IO> Ssl for Watched<S> {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl<S: IO> GetTimingDigest for Watched<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.inner.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.inner.get_write_pending_time()
    }
}

impl<S: IO> GetProxyDigest for Watched<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }

    fn set_proxy_digest(&mut self, digest: ProxyDigest) {
        self.inner.set_proxy_digest(digest);
    }
}

impl<S: IO> GetSocketDigest for Watched<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.inner.set_socket_digest(digest);
    }
}

#[async_trait]
impl<S: IO> Peek for Watched<S> {
    /// Puts back what it reads, so the watch sees it later.
    async fn try_peek(&mut self, bytes: &mut [u8]) -> std::io::Result<bool> {
        self.inner.try_peek(bytes).await
    }
}
