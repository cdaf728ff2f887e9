//! The front of a listener: what every connection passes before HTTP. It is counted, says who it is from where
//! a balancer speaks for it, shows which HTTP it speaks, and is watched from then on.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::TlsStream;
use pingora::protocols::{ALPN, GetSocketDigest, IO, SocketDigest, Ssl, Stream, UniqueID};
use pingora::proxy::{HttpProxy, ProxyHttp, http_proxy};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};

use super::crowd::{Crowd, Place};
use super::frames::PREFACE;
use super::proxy_header::{self, Introduced};
use super::refusal::Refusal;
use super::tls::Tls;
use super::watched::{Heads, Watched};
use crate::pipeline::Pipeline;
use crate::tasks::Lifecycle;

/// What a listener demands of connections.
#[derive(Debug, Clone)]
pub(in crate::edge) struct Terms {
    /// From accepting a connection to its first head, and from the first byte of each later one to its last.
    pub(in crate::edge) header: Duration,
    /// Between two requests.
    pub(in crate::edge) idle: Duration,
    /// The largest head, in bytes.
    pub(in crate::edge) header_bytes: usize,
    /// Knows which proxies stand in front of this one.
    pub(in crate::edge) pipeline: Arc<Pipeline>,
    /// Whether connections begin with a PROXY header.
    pub(in crate::edge) proxy_protocol: bool,
}

/// A connection that was let in.
struct Guest {
    place: Place,
    /// When its first head must be whole.
    deadline: Instant,
}

/// A connection under watch, behind TLS.
type Secure = Watched<TlsStream<L4Stream>>;

/// A proxy behind the front of its listener.
pub(in crate::edge) struct Front<P> {
    proxy: Arc<HttpProxy<P>>,
    terms: Terms,
    crowd: Arc<Crowd>,
    tls: Option<Arc<Tls>>,
    lifecycle: Lifecycle,
}

impl<P: ProxyHttp> Front<P> {
    /// A front for a proxy. HTTP/2 connections are asked to go (`GOAWAY`, RFC 9113 section 6.8) when clients are.
    pub(in crate::edge) fn new(
        conf: &Arc<ServerConf>,
        proxy: P,
        terms: Terms,
        crowd: Arc<Crowd>,
        lifecycle: Lifecycle,
    ) -> Self {
        let mut proxy = http_proxy(conf, proxy);
        let mut options = HttpServerOptions::default();
        options.h2c = true;
        options.h2_idle_timeout = Some(terms.idle);
        proxy.server_options = Some(options);
        proxy.h2_options = Some(http2_options(&terms));
        Self { proxy: Arc::new(proxy), terms, crowd, tls: None, lifecycle }
    }

    /// The same behind TLS, if there is any.
    pub(in crate::edge) fn behind(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }
}

/// Bounds on what one HTTP/2 connection can make the gateway remember.
fn http2_options(terms: &Terms) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_header_list_size(u32::try_from(terms.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(100)
        // Streams that were reset are remembered for a second, to tell late frames from wrong ones.
        .max_concurrent_reset_streams(50)
        // Streams reset before the gateway has looked at them.
        .max_pending_accept_reset_streams(20)
        // Streams the gateway had to reset because of what the client sent on them.
        .max_local_error_reset_streams(Some(100))
        // Of an answer that the client does not read; times 100 streams.
        .max_send_buffer_size(64 << 10);
    options
}

#[async_trait]
impl<P> ServerApp for Front<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // Pingora hands over plain sockets: TLS begins behind the front.
        let Ok(mut socket) = stream.into_any().downcast::<L4Stream>() else { return None };
        match self.admit(&mut socket).await {
            Ok(guest) => self.serve(*socket, guest, shutdown).await,
            Err(refusal) => self.crowd.refused(refusal, peer_of(&socket).map(|address| address.ip())),
        }
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

impl<P> Front<P>
where
    P: ProxyHttp + Send + Sync + 'static,
    P::CTX: Send + Sync,
{
    /// Everything before HTTP and TLS, within the time for a head.
    async fn admit(&self, socket: &mut L4Stream) -> Result<Guest, Refusal> {
        let mut place = self.crowd.enter()?;
        let deadline = Instant::now() + self.terms.header;
        show(&place, socket);
        if let Some(client) = by(deadline, self.identify(socket)).await? {
            place.belongs_to(client)?;
            show(&place, socket);
        }
        Ok(Guest { place, deadline })
    }

    /// Finds out which HTTP a guest speaks, and answers in it. Without TLS its first bytes say that, else ALPN.
    async fn serve(&self, mut socket: L4Stream, guest: Guest, shutdown: &ShutdownWatch) {
        let Guest { place, deadline } = guest;
        if let Some(tls) = &self.tls {
            // Apart, and boxed: what a handshake needs would else be kept for every connection to its end.
            if let Some(stream) = Box::pin(self.begin(tls, socket, Guest { place, deadline })).await {
                self.speak(stream, shutdown).await;
            }
            return;
        }
        let stream = match by(deadline, begins_with_preface(&mut socket)).await {
            Ok(true) => Watched::http2(socket, place, self.heads(), deadline),
            Ok(false) => Watched::http1(socket, place, self.heads(), deadline),
            Err(refusal) => return place.refused(refusal),
        };
        self.speak(Box::new(stream), shutdown).await;
    }

    /// Begins TLS; nothing where it could not be agreed on.
    async fn begin(&self, tls: &Tls, mut socket: L4Stream, guest: Guest) -> Option<Box<Secure>> {
        let Guest { place, deadline } = guest;
        let begun = match by(deadline, first_byte(&mut socket)).await {
            Ok(()) => by(deadline, tls.begin(socket)).await,
            Err(refusal) => Err(refusal),
        };
        if begun.is_ok() {
            place.listed().is_encrypted();
        }
        match begun {
            Ok(stream) if stream.selected_alpn_proto() == Some(ALPN::H2) => {
                Some(Box::new(Watched::http2(stream, place, self.heads(), deadline)))
            }
            Ok(stream) => Some(Box::new(Watched::http1(stream, place, self.heads(), deadline))),
            Err(refusal) => {
                place.refused(refusal);
                None
            }
        }
    }

    /// Finds out who a connection is from and counts against; nobody where a trusted proxy speaks for many.
    async fn identify(&self, socket: &mut L4Stream) -> Result<Option<IpAddr>, Refusal> {
        let peer = peer_of(socket).map(|address| address.ip().to_canonical());
        let settings = self.terms.pipeline.settings();
        let trusted = &settings.server.trusted_proxies;
        let is_trusted = peer.is_some_and(|ip| trusted.iter().any(|net| net.contains(&ip)));
        let by_itself = peer.filter(|_| !is_trusted);
        if !self.terms.proxy_protocol {
            return Ok(by_itself);
        }
        if !is_trusted && !trusted.is_empty() {
            // Who leaves without a word wanted nothing of it.
            first_byte(socket).await?;
            return Err(Refusal::UntrustedProxy);
        }
        match proxy_header::read(socket).await? {
            Introduced::Client(address) => {
                introduce(socket, address);
                Ok(Some(address.ip()))
            }
            Introduced::Itself => Ok(by_itself),
        }
    }

    async fn speak<S: IO + 'static>(&self, mut stream: Box<Watched<S>>, shutdown: &ShutdownWatch) {
        if stream.is_http2() {
            // Without TLS Pingora looks for the preface again, and finds it at once. Its own watch changes when
            // listeners close: by then clients should have gone.
            let _multiplexed = self.lifecycle.multiplex();
            self.proxy.process_new(stream, &self.lifecycle.leaving()).await;
            return;
        }
        let mut closing = pin!(closed(shutdown.clone()));
        let mut settings = None::<HttpPersistentSettings>;
        loop {
            let mut begun = None;
            if stream.is_between_requests() {
                // Here, because Pingora keeps room for a whole request while it waits for one. Who has just come is listened to
                // once, even if listeners close meanwhile.
                let is_kept = settings.is_some();
                begun = tokio::select! {
                    biased;
                    begun = stream.begin() => begun,
                    () = &mut closing, if is_kept => None,
                };
                if begun.is_none() {
                    return;
                }
            }
            let mut session = ServerSession::new_http1(stream);
            match settings {
                Some(settings) => settings.apply_to_session(&mut session),
                // For ever, as far as Pingora is concerned: the watch ends it.
                None => session.set_keepalive((!*shutdown.borrow()).then_some(0)),
            }
            if let Some(bytes) = begun {
                session.set_pipelined_prefix(bytes);
            }
            let Some(reused) = self.proxy.process_new_http(session, shutdown).await else { return };
            let (next, persistent) = reused.consume();
            let Ok(next) = next.into_any().downcast::<Watched<S>>() else { return };
            (stream, settings) = (next, persistent);
            stream.expect_head();
        }
    }

    fn heads(&self) -> Heads {
        Heads { within: self.terms.header, apart: self.terms.idle, most: self.terms.header_bytes }
    }
}

/// Waits until then at the longest.
async fn by<T>(deadline: Instant, what: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    timeout_at(deadline, what).await.unwrap_or(Err(Refusal::Slow))
}

/// Ready once listeners have closed.
async fn closed(mut shutdown: ShutdownWatch) {
    // Who could say so may be gone, which is the same.
    let _ = shutdown.wait_for(|is_closed| *is_closed).await;
}

/// Lets operators see who a connection is from, as far as is known by now.
fn show(place: &Place, socket: &L4Stream) {
    if let Some(client) = peer_of(socket) {
        place.listed().is_from(client);
    }
}

fn peer_of(socket: &L4Stream) -> Option<SocketAddr> {
    socket.get_socket_digest()?.peer_addr()?.as_inet().copied()
}

/// From now on the connection counts as one from this address, for everybody who asks Pingora.
fn introduce(socket: &mut L4Stream, client: SocketAddr) {
    let digest = SocketDigest::from_raw_fd(socket.id());
    // A new digest has no address yet.
    let _ = digest.peer_addr.set(Some(PeerAddress::Inet(client)));
    socket.set_socket_digest(digest);
}

/// Waits for the first byte, and puts it back: who leaves without one did not fail to agree on TLS.
async fn first_byte(socket: &mut L4Stream) -> Result<(), Refusal> {
    let mut byte = [0];
    match socket.read(&mut byte).await {
        Ok(0) | Err(_) => Err(Refusal::Gone),
        Ok(_) => {
            socket.rewind(&byte);
            Ok(())
        }
    }
}

/// Reads until it is certain whether the client speaks HTTP/2, and puts back what it read.
async fn begins_with_preface(socket: &mut L4Stream) -> Result<bool, Refusal> {
    let mut seen = [0; PREFACE.len()];
    let mut length = 0;
    loop {
        let (head, rest) = seen.split_at_mut(length);
        let is_preface = PREFACE.starts_with(head);
        if !is_preface || rest.is_empty() {
            socket.rewind(head);
            return Ok(is_preface);
        }
        match socket.read(rest).await {
            Ok(0) | Err(_) => return Err(Refusal::Gone),
            Ok(read) => length += read,
        }
    }
}
