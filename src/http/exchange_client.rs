//! Sends requests of the gateway's own to one endpoint, over connections that are kept. It makes one try at a time and
//! says exactly how it failed; who asks decides whether there is another. No redirects, no proxies of the environment.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use reqwest::{Certificate, Client, ClientBuilder, Identity, redirect, retry};

use crate::config::{Address, Protocol, Tls, Upstream};
use crate::error::{Error, Result};

/// What goes to a backend.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub target: String,
    /// Headers besides those of the connection.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// The head of an answer, with the body still to be read.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    body: reqwest::Response,
}

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// There was no connection, and nothing was sent.
    Refused,
    /// The connection was not open in time, and nothing was sent.
    ConnectTimeout,
    /// TLS could not be agreed on.
    Tls,
    /// The certificate does not prove that the backend is who it should be.
    Certificate,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It is larger than is taken.
    TooLarge,
    /// The connection broke, or nothing came for too long.
    Broken,
}

/// A client for one endpoint. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct ExchangeClient {
    client: Client,
    origin: String,
}

impl ExchangeClient {
    /// A client for an endpoint of this pool, which honours the pool's timeouts, authorities and certificates.
    ///
    /// # Errors
    /// The pool speaks HTTP/2 only, or its certificates cannot be used; the latter the configuration check refuses.
    pub fn new(name: &str, settings: &Upstream, address: &Address) -> Result<Self> {
        let doing = || format!("make a client for {address} of upstream `{name}`");
        if settings.protocol == Protocol::H2 {
            let why = "the gateway's own calls speak HTTP/1.1: `protocol` must be \"http1\" or \"auto\"";
            return Err(Error::internal(format!("{}: {why}", doing())));
        }
        let failed = |error: reqwest::Error| Error::internal(doing()).caused_by(error);
        let mut builder = bare(settings);
        if let Some(tls) = &settings.tls {
            builder = secure(builder, tls).map_err(|why| Error::internal(format!("{}: {why}", doing())))?;
        }
        let host = settings.tls.as_ref().map(|tls| tls.sni.as_str());
        let scheme = if host.is_some() { "https" } else { "http" };
        let origin = match (address, host) {
            (Address::Ip(address), None) => format!("{scheme}://{address}"),
            (Address::Ip(address), Some(host)) => {
                builder = builder.resolve(host, *address);
                format!("{scheme}://{host}:{}", address.port())
            }
            (Address::Unix(path), host) => {
                builder = builder.unix_socket(path.to_path_buf());
                format!("{scheme}://{}", host.unwrap_or("localhost"))
            }
        };
        Ok(Self { client: builder.build().map_err(failed)?, origin })
    }

    /// Makes one try, to the head of the answer. How long it may take is up to who waits.
    ///
    /// # Errors
    /// How it failed, with the words of the cause for the log.
    pub async fn send(&self, call: &Call) -> Result<Reply, (Breach, String)> {
        let request = self.client.request(call.method.clone(), format!("{}{}", self.origin, call.target));
        let request = request.headers(call.headers.clone()).body(call.body.clone());
        match request.send().await {
            Ok(mut body) => {
                let headers = std::mem::take(body.headers_mut());
                Ok(Reply { status: body.status().as_u16(), headers, body })
            }
            Err(error) => Err((breach(&error), words(&error))),
        }
    }
}

impl Reply {
    /// The whole body, if it is no larger than `most` bytes. How long it may take is up to who waits.
    ///
    /// # Errors
    /// It is larger, or broke off.
    pub async fn read(mut self, most: usize) -> Result<Bytes, Cut> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.body.chunk().await.map_err(|_| Cut::Broken)? {
            if whole.len() + piece.len() > most {
                return Err(Cut::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// What every client has: tries are counted and repeated elsewhere, and connections are the pool's own.
fn bare(settings: &Upstream) -> ClientBuilder {
    let connect: Duration = settings.connect_timeout.get();
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .http1_only()
        .connect_timeout(connect)
        .read_timeout(settings.idle_timeout.get())
        .pool_idle_timeout(settings.keepalive_timeout.get())
}

fn secure(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, String> {
    let mut builder = builder.https_only(true);
    if let Some(file) = &tls.ca {
        let made = file.certificates()?.iter().map(|der| Certificate::from_der(der)).collect::<Vec<_>>();
        let made: reqwest::Result<Vec<_>> = made.into_iter().collect();
        builder = builder.tls_certs_only(made.map_err(|error| format!("{file}: {}", words(&error)))?);
    }
    if let (Some(chain), Some(key)) = (&tls.client_cert, &tls.client_key) {
        let pem = [key.pem(), b"\n", chain.pem()].concat();
        let identity = Identity::from_pem(&pem).map_err(|error| format!("{chain}: {}", words(&error)))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// Sorts an error by its causes.
fn breach(error: &reqwest::Error) -> Breach {
    if !error.is_connect() {
        return Breach::Broken;
    }
    if error.is_timeout() {
        return Breach::ConnectTimeout;
    }
    match causes(error).any(|it| it.downcast_ref().is_some_and(is_tls)) {
        true if words(error).contains("certificate") => Breach::Certificate,
        true => Breach::Tls,
        false => Breach::Refused,
    }
}

/// Whether it is, or wraps, what TLS makes of a failed handshake. An `io::Error` leaves itself out of its `source`.
fn is_tls(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || inner.is_some_and(is_tls)
}

/// The deepest cause, which says what happened; those above it repeat the URL.
fn words(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
