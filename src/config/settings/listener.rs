//! Where clients connect, and what is demanded of their connections before HTTP.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::PemFile;

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
    /// Connections are encrypted. Absent: they are not.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
}

fn max_connections() -> u32 {
    10_000
}
fn max_connections_per_ip() -> u32 {
    1_000
}

/// `[listeners.NAME.tls]`: clients come by TLS and agree in its handshake on HTTP/2 or HTTP/1.1. Files that change are
/// read again within seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// File of the certificate in PEM, with what leads from it to its authority. Shown to clients that ask for a host
    /// that no other certificate is for, or for none.
    pub cert: PemFile,
    /// File of that certificate's private key, in PEM.
    pub key: PemFile,
    /// Further certificates, each shown to clients that ask for one of the hosts it names.
    #[serde(default)]
    pub certificates: Vec<Identity>,
    /// File of the authorities that may have signed the certificates of clients, in PEM. Clients must show one then.
    #[serde(default)]
    pub client_ca: Option<PemFile>,
    /// The oldest version of TLS that is spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// A certificate and its private key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// File of the certificate in PEM, with what leads from it to its authority.
    pub cert: PemFile,
    /// File of that certificate's private key, in PEM.
    pub key: PemFile,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// 1.3
    #[serde(rename = "1.3")]
    V1_3,
}

impl ListenerTls {
    /// All certificates, the one that is shown by default first.
    pub fn identities(&self) -> impl Iterator<Item = Identity> {
        let first = Identity { cert: self.cert.clone(), key: self.key.clone() };
        std::iter::once(first).chain(self.certificates.iter().cloned())
    }
}
