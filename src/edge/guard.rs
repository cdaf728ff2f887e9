//! What stands before HTTP on a listener: the first bytes must come in time, and they say which HTTP it is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::proxy::{HttpProxy, ProxyHttp, http_proxy};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// What an HTTP/2 client without TLS begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A proxy behind its guard.
pub(super) struct Guard<P> {
    proxy: Arc<HttpProxy<P>>,
    first_bytes: Duration,
    idle: Duration,
}

impl<P: ProxyHttp> Guard<P> {
    /// Guards a proxy: the first bytes within `first_bytes`, further requests within `idle`.
    pub(super) fn new(conf: &Arc<ServerConf>, proxy: P, first_bytes: Duration, idle: Duration) -> Self {
        let mut proxy = http_proxy(conf, proxy);
        let mut options = HttpServerOptions::default();
        options.h2c = true;
        options.h2_idle_timeout = Some(idle);
        proxy.server_options = Some(options);
        Self { proxy: Arc::new(proxy), first_bytes, idle }
    }
}

#[async_trait]
impl<P> ServerApp for Guard<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // A listener without TLS hands over plain sockets; on others ALPN has said which HTTP it is.
        let Ok(mut socket) = stream.into_any().downcast::<L4Stream>() else { return None };
        let is_h2 = timeout(self.first_bytes, begins_with_preface(&mut socket)).await.ok()?.ok()?;
        if is_h2 {
            // Pingora looks for the preface again, and finds it at once.
            return self.proxy.process_new(socket, shutdown).await;
        }
        let mut session = ServerSession::new_http1(socket);
        let idle = (!*shutdown.borrow()).then_some(self.idle.as_secs().max(1));
        session.set_keepalive(idle);
        let mut next = self.proxy.process_new_http(session, shutdown).await;
        while let Some(reused) = next {
            next = self.proxy.process_new_http(resume(reused), shutdown).await;
        }
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

/// The next request of a kept connection.
fn resume(reused: ReusedHttpStream) -> ServerSession {
    let (stream, settings): (_, Option<HttpPersistentSettings>) = reused.consume();
    let mut session = ServerSession::new_http1(stream);
    if let Some(settings) = settings {
        settings.apply_to_session(&mut session);
    }
    session
}

/// Reads until it is certain whether the client speaks HTTP/2, and puts back what it read.
async fn begins_with_preface(socket: &mut L4Stream) -> std::io::Result<bool> {
    let mut seen = [0; PREFACE.len()];
    let mut length = 0;
    loop {
        let (head, rest) = seen.split_at_mut(length);
        let is_preface = PREFACE.starts_with(head);
        if !is_preface || rest.is_empty() {
            socket.rewind(head);
            return Ok(is_preface);
        }
        match socket.read(rest).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
}
