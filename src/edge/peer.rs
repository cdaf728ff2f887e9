//! An endpoint as Pingora connects to it.

use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use crate::config::Address;
use crate::upstream::{Endpoint, Pool};

/// The peer of an endpoint, with the timeouts of its pool and so long to connect.
///
/// # Errors
/// The path of a Unix socket is too long for the system.
pub(super) fn peer(pool: &Pool, endpoint: &Endpoint, connect: Duration) -> Result<Box<HttpPeer>> {
    let mut peer = match &endpoint.address {
        Address::Ip(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => {
            let made = HttpPeer::new_uds(&path.to_string_lossy(), false, String::new());
            made.map_err(|error| Error::because(ErrorType::ConnectError, "unix socket", error))?
        }
    };
    let settings = &pool.settings;
    let options = &mut peer.options;
    options.connection_timeout = Some(connect);
    options.total_connection_timeout = Some(connect);
    options.read_timeout = Some(settings.idle_timeout.get());
    options.write_timeout = Some(settings.idle_timeout.get());
    options.idle_timeout = Some(settings.keepalive_timeout.get());
    Ok(Box::new(peer))
}
