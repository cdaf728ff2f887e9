//! An endpoint as Pingora connects to it.

use std::time::Duration;

use pingora::protocols::TcpKeepalive;
use pingora::protocols::tls::ALPN;
use pingora::upstreams::peer::{H1UpgradePolicy, HttpPeer, HttpUpstreamRequestPolicy, PeerOptions};
use pingora::{Error, ErrorType, Result};

use super::credentials::Vault;
use crate::config::{Address, Protocol};
use crate::upstream::{Endpoint, Pool};

/// Requests that share one HTTP/2 connection, unless the backend wants fewer. What most servers allow.
const MOST_STREAMS: usize = 100;

/// What a backend may send of one answer before the client has taken any of it. Bounds the memory that a client who
/// does not read costs; enough for 50 MB/s at 10 ms to the backend.
const STREAM_WINDOW: u32 = 512 << 10;

/// The same for a connection: enough for all its streams, so that none stands still because of others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MOST_STREAMS as u32;

/// What of a client's request ends here, whatever Pingora does by itself.
const HOP: HttpUpstreamRequestPolicy = HttpUpstreamRequestPolicy {
    strip_hop_by_hop: true,
    strip_connection_nominated: true,
    reject_malformed_connection_nominations: true,
    h1_upgrade: H1UpgradePolicy::WebSocketOnly,
};

/// The peer of an endpoint, with the timeouts of its pool and so long to connect.
///
/// # Errors
/// The path of a Unix socket is too long for the system, or a certificate cannot be used.
pub(super) fn peer(
    pool: &Pool,
    endpoint: &Endpoint,
    (vault, connect): (&Vault, Duration),
) -> Result<Box<HttpPeer>> {
    let mut peer = bare(pool, endpoint, vault)?;
    let settings = &pool.settings;
    let options = &mut peer.options;
    options.connection_timeout = Some(connect);
    options.total_connection_timeout = Some(connect);
    options.read_timeout = Some(settings.idle_timeout.get());
    options.write_timeout = Some(settings.idle_timeout.get());
    options.idle_timeout = Some(settings.keepalive_timeout.get());
    // What ends at this hop is taken off the request before our own headers are put on it: `Connection` cannot name them.
    options.http_upstream_request_policy = HOP;
    if settings.protocol != Protocol::Http1 {
        share(options, settings.idle_timeout.get());
    }
    Ok(Box::new(peer))
}

/// The host of an endpoint for whoever names none. The path of a socket is no host; `http/exchange_client` names the same.
pub(super) fn host<'a>(pool: &'a Pool, endpoint: &'a Endpoint) -> &'a str {
    match (&endpoint.address, &pool.settings.tls) {
        (Address::Ip(_), _) => &endpoint.name,
        (Address::Unix(_), Some(tls)) => tls.sni.as_str(),
        (Address::Unix(_), None) => "localhost",
    }
}

/// The same for a single request, without timeouts.
///
/// # Errors
/// Those of [`peer`].
pub(super) fn bare(pool: &Pool, endpoint: &Endpoint, vault: &Vault) -> Result<HttpPeer> {
    let mut peer = match &endpoint.address {
        Address::Ip(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => {
            let made = HttpPeer::new_uds(&path.to_string_lossy(), false, String::new());
            made.map_err(|error| Error::because(ErrorType::ConnectError, "unix socket", error))?
        }
    };
    peer.options.alpn = match pool.settings.protocol {
        Protocol::Http1 => ALPN::H1,
        Protocol::H2 => ALPN::H2,
        Protocol::Auto => ALPN::H2H1,
    };
    vault.secure(&mut peer, pool)?;
    Ok(peer)
}

/// Lets requests share connections. One whose other end is gone without a word would fail all of them for as long
/// as TCP hopes, so TCP is told to give up when nothing is acknowledged. HTTP/2 pings would do, but servers of gRPC
/// take them for an attack.
fn share(options: &mut PeerOptions, patience: Duration) {
    options.max_h2_streams = MOST_STREAMS;
    options.h2_stream_window_size = Some(STREAM_WINDOW);
    options.h2_connection_window_size = Some(CONNECTION_WINDOW);
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: patience,
        interval: Duration::from_secs(5),
        count: 3,
        #[cfg(target_os = "linux")]
        user_timeout: patience,
    });
}
