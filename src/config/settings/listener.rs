//! Where clients connect, and what is demanded of their connections before HTTP.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[listeners.NAME]`: where clients connect. HTTP/1.1 and HTTP/2 are both understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port to listen on.
    #[schemars(with = "String", extend("format" = "socket-address"))]
    pub address: SocketAddr,
    /// Connections at the same time; more are closed at once.
    #[serde(default = "max_connections")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: u32,
    /// The same for one client: an IPv4 address, or a /64 network of IPv6. Trusted proxies are not counted so.
    #[serde(default = "max_connections_per_ip")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections_per_ip: u32,
    /// Every connection must begin with a PROXY header (version 1 or 2) that names the client. If
    /// `server.trusted_proxies` names anybody, only they may connect.
    #[serde(default)]
    pub proxy_protocol: bool,
}

fn max_connections() -> u32 {
    10_000
}
fn max_connections_per_ip() -> u32 {
    1_000
}
