//! How the gateway speaks to the backends of a pool: which HTTP, and TLS.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{PemFile, ServerName};

/// Which HTTP a pool's backends speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: agreed on in the TLS handshake, or without TLS known beforehand (h2c).
    H2,
    /// HTTP/2 where a backend offers it in the TLS handshake, else HTTP/1.1.
    Auto,
}

/// `[upstreams.NAME.tls]`: connections to the backends are encrypted, and their certificates verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Host name asked for in the handshake, and which the backend's certificate must be valid for.
    pub sni: ServerName,
    /// File of the authorities that may have signed the backend's certificate, in PEM. Absent: the platform's.
    #[serde(default)]
    pub ca: Option<PemFile>,
    /// File of the certificate shown to the backend, in PEM, with what leads from it to the authority.
    #[serde(default)]
    pub client_cert: Option<PemFile>,
    /// File of that certificate's private key, in PEM.
    #[serde(default)]
    pub client_key: Option<PemFile>,
}
