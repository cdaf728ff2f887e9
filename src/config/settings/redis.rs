//! Redis: what instances of the gateway share.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{PemFile, Period, RedisUrl, Secret};

/// `[redis]`: where instances count together. Without it each one counts in its own memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// What the servers are to each other.
    #[serde(default)]
    pub mode: RedisMode,
    /// The server; of sentinels or a cluster those that are asked first.
    #[schemars(length(min = 1))]
    pub urls: Vec<RedisUrl>,
    /// The name under which the sentinels watch the primary.
    #[serde(default)]
    pub master: Option<String>,
    /// Whom to log in as. Absent: Redis' default user.
    #[serde(default)]
    pub username: Option<String>,
    /// The password. Better given as `password_file` or by the environment.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A file holding the password.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password_file: Option<PathBuf>,
    /// Encrypts the connections. Absent: they are not encrypted.
    #[serde(default)]
    pub tls: Option<RedisTls>,
    /// Put before every key and channel, so that others may use the same server.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// How long a command may take before it counts as failed.
    #[serde(default = "command_timeout")]
    pub command_timeout: Period,
    /// Connections for commands, to each server.
    #[serde(default = "pool")]
    #[schemars(range(min = 1, max = 64))]
    pub pool: u32,
}

/// `[redis.tls]`: the certificates of the servers are verified for the host names in `urls`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisTls {
    /// File of the authorities that may have signed them, in PEM. Absent: the platform's.
    pub ca: Option<PemFile>,
}

fn prefix() -> String {
    "olympus:".to_owned()
}
fn command_timeout() -> Period {
    Period::millis(100)
}
fn pool() -> u32 {
    2
}

/// What the servers are to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedisMode {
    /// One server.
    #[default]
    Single,
    /// A primary, which sentinels know (`master`).
    Sentinel,
    /// A cluster.
    Cluster,
}
