//! The process, its listeners and its operators' side.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Period, Secret};

/// `[server]`: the process as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Worker threads; 0 means one per core.
    #[schemars(range(max = 1024), extend("x-reload" = "restart"))]
    pub threads: usize,
    /// Addresses or networks whose `X-Forwarded-*` and `Forwarded` headers are believed.
    #[schemars(with = "Vec<String>", extend("items" = {"type": "string", "format": "ip-network"}))]
    pub trusted_proxies: Vec<IpNet>,
    /// How the process ends on SIGTERM.
    pub drain: Drain,
    /// How long a client connection may keep the gateway waiting.
    pub timeouts: Timeouts,
    /// Whether a change of a file that was read, or of what an `include` matches, is taken up by itself.
    pub reload_on_change: bool,
    /// How large the head of a request may be.
    pub limits: Limits,
    /// Socket by which listeners are handed to a new process (`run --upgrade`) on SIGQUIT. In a folder that nobody
    /// else may enter: whoever listens there gets the listeners. Absent: SIGQUIT is ignored.
    #[schemars(with = "Option<String>", extend("x-reload" = "restart"))]
    pub upgrade_socket: Option<PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            threads: 0,
            trusted_proxies: Vec::new(),
            drain: Drain::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            reload_on_change: true,
            upgrade_socket: None,
        }
    }
}

/// `server.drain`: how the process ends on SIGTERM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long connections are still accepted after readiness went false, so that balancers notice.
    pub delay: Period,
    /// How long requests in flight may take after that; then they are cut.
    pub timeout: Period,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Period::seconds(5), timeout: Period::seconds(30) }
    }
}

/// `server.timeouts`: how long a client connection may keep the gateway waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// From accepting a connection to the whole head of its first request, with a TLS handshake and a PROXY header
    /// in between; and from the first byte of each later head to its last, however it drips.
    #[schemars(extend("x-reload" = "restart"))]
    pub header: Period,
    /// Between two requests of a kept connection. Whole seconds.
    #[schemars(extend("x-reload" = "restart"))]
    pub idle: Period,
    /// Between two reads of a request body, and between two writes of an answer.
    pub body_idle: Period,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { header: Period::seconds(10), idle: Period::seconds(60), body_idle: Period::seconds(30) }
    }
}

/// `server.limits`: how large the head of a request may be. What is larger is answered with 431.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The whole head; in HTTP/2 the decoded list of headers, where each counts 32 bytes more.
    #[schemars(extend("x-reload" = "restart"))]
    pub header_bytes: ByteSize,
    /// Number of headers.
    #[schemars(range(min = 1, max = 256))]
    pub headers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: ByteSize::kibibytes(32), headers: 100 }
    }
}

/// `[admin]`: the operators' side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Where the admin API listens; every call needs the token. Absent: no admin API.
    #[schemars(with = "Option<String>", extend("format" = "socket-address"))]
    pub listen: Option<SocketAddr>,
    /// Further names the admin API may be called by, besides its address and `localhost`. A page in an operator's
    /// browser cannot reach it under a name of its own then.
    pub hosts: Vec<String>,
    /// The token of the admin API. Better given as `token_file` or by the environment.
    pub token: Option<Secret>,
    /// A file holding the token of the admin API. A relative path starts at the folder of the file that names it,
    /// or where the process runs when the environment names it.
    #[schemars(with = "Option<String>")]
    pub token_file: Option<PathBuf>,
    /// Where `/metrics`, `/livez` and `/readyz` are served, read-only and without a token.
    #[schemars(with = "Option<String>", extend("format" = "socket-address"))]
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for Admin {
    fn default() -> Self {
        let loopback = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        Self {
            listen: None,
            hosts: Vec::new(),
            token: None,
            token_file: None,
            metrics_listen: loopback(9091),
        }
    }
}
