//! Backends with TLS and HTTP/2 under a test's control, and the certificates they need.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use ureq::http::{HeaderMap, Request, Response, header};

/// One that signs certificates.
pub struct Authority {
    cert: Certificate,
    key: KeyPair,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its private key, in PEM.
pub struct Issued {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let cert = params.self_signed(&key).unwrap();
        Self { pem: cert.pem(), cert, key }
    }

    pub fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.cert, &self.key).unwrap();
        Issued { cert: cert.pem(), key: key.serialize_pem() }
    }
}

impl Issued {
    /// What a server with this certificate offers. With `clients`, it asks for one that these signed.
    pub fn server(&self, protocols: &[&str], clients: Option<&Authority>) -> Arc<ServerConfig> {
        self.server_of(rustls::ALL_VERSIONS, protocols, clients)
    }

    /// The same for some versions of TLS only.
    pub fn server_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
        clients: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// What a backend saw, and what it is told to do.
#[derive(Debug, Default)]
pub struct Seen {
    /// Connections that were opened.
    pub connections: AtomicUsize,
    /// Streams that the other side reset.
    pub resets: Mutex<Vec<Reason>>,
    /// The heads of requests over HTTP/2.
    pub heads: Mutex<Vec<Request<()>>>,
    /// Whether checks fail.
    pub is_sick: AtomicBool,
    /// Whether every request is treated as one for `/hang`.
    pub is_deaf: AtomicBool,
    declined: AtomicUsize,
}

/// A backend on a thread of its own. It answers by path:
/// `/hang` never; `/decline` refuses its first stream; `/trailers` with trailers; `/pause` with a body that pauses;
/// anything else with what was sent.
pub struct Backend {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    _stop: oneshot::Sender<()>,
}

impl Backend {
    /// With TLS, ALPN decides which HTTP it speaks.
    pub fn secure(config: Arc<ServerConfig>) -> Self {
        Self::start(Some(TlsAcceptor::from(config)))
    }

    /// HTTP/2 without TLS.
    pub fn plain() -> Self {
        Self::start(None)
    }

    fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, (stop, stopped)) = (Arc::new(Seen::default()), oneshot::channel());
        let theirs = seen.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), tls, theirs) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, _stop: stop }
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The reasons of all resets so far.
    pub fn resets(&self) -> Vec<Reason> {
        self.seen.resets.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(stream, tls.clone(), seen.clone()));
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, seen: Arc<Seen>) {
    let Some(tls) = tls else { return http2(stream, seen).await };
    let Ok(stream) = tls.accept(stream).await else { return };
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(stream, seen).await,
        _ => http1(stream).await,
    }
}

async fn http1(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhttp/1";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin, seen: Arc<Seen>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut streams = tokio::task::JoinSet::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        seen.heads.lock().unwrap().push(Request::from_parts(head, ()));
        let is_first = || seen.declined.fetch_add(1, Ordering::SeqCst) == 0;
        match path.as_str() {
            "/decline" if is_first() => respond.send_reset(Reason::REFUSED_STREAM),
            _ => drop(streams.spawn(answer(path, body, respond, seen.clone()))),
        }
    }
}

async fn answer(path: String, mut body: RecvStream, mut respond: SendResponse<Bytes>, seen: Arc<Seen>) {
    let mut sent = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        sent.extend(piece);
    }
    let status = if seen.is_sick.load(Ordering::SeqCst) { 500 } else { 200 };
    let head = Response::builder().status(status).body(()).unwrap();
    match if seen.is_deaf.load(Ordering::SeqCst) { "/hang" } else { path.as_str() } {
        "/hang" => {
            if let Ok(reason) = std::future::poll_fn(|context| respond.poll_reset(context)).await {
                seen.resets.lock().unwrap().push(reason);
            }
        }
        "/trailers" => {
            let mut stream = respond.send_response(head, false).unwrap();
            stream.send_data("a message".into(), false).unwrap();
            let name = header::HeaderName::from_static("grpc-status");
            let trailers: HeaderMap = [(name, "0".parse().unwrap())].into_iter().collect();
            stream.send_trailers(trailers).unwrap();
        }
        "/pause" => {
            let mut stream = respond.send_response(head, false).unwrap();
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(400)).await;
                stream.send_data(".".into(), false).unwrap();
            }
            stream.send_data("".into(), true).unwrap();
        }
        _ => {
            let mut stream = respond.send_response(head, false).unwrap();
            stream.send_data([b"http/2 ".as_slice(), &sent].concat().into(), true).unwrap();
        }
    }
}
