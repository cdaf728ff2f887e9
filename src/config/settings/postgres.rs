//! The database: where it is, who connects, and for how long the gateway waits for it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{PemFile, Period, Secret, TimeLimit};

/// `[postgres]`: the database of users, products, orders and sessions. Absent: none, and no route may need one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE` of the role that serves requests. It may lead through a
    /// transaction pooler. The role must be a member of `olympus_app`, own nothing and not bypass row-level security.
    pub url: Secret,
    /// A file holding `url`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub url_file: Option<PathBuf>,
    /// The same past a transaction pooler, for what belongs to a session: locks. Absent: `url`.
    #[serde(default)]
    pub session_url: Option<Secret>,
    /// A file holding `session_url`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub session_url_file: Option<PathBuf>,
    /// The same for the role that owns the tables and migrates them. Absent: `session_url`.
    #[serde(default)]
    pub owner_url: Option<Secret>,
    /// A file holding `owner_url`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub owner_url_file: Option<PathBuf>,
    /// Most connections of this instance that serve requests; one more watches over the server's health.
    #[serde(default = "pool")]
    #[schemars(range(min = 1, max = 1000))]
    pub pool: usize,
    /// To open a connection, with its TLS handshake and the password.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Period,
    /// Until a request has a connection in which its transaction began. Then it is answered with 503.
    #[serde(default = "acquire_timeout")]
    pub acquire_timeout: Period,
    /// All statements of one transaction together, unless its caller has less time.
    #[serde(default = "statement_timeout")]
    pub statement_timeout: Period,
    /// From how long on a statement is said in the log, with the shape of its plan. `none`: none is.
    #[serde(default = "slow_statement")]
    pub slow_statement: TimeLimit,
    /// Whether statements are prepared once for a connection. Not behind a transaction pooler that cannot keep them.
    #[serde(default = "yes")]
    pub prepare: bool,
    /// Whether `olympus run` brings the tables up to date when it starts; else `olympus migrate` does.
    #[serde(default)]
    pub migrate: bool,
    /// Connections are encrypted, and the server's certificate verified for its host. Absent: plain text.
    #[serde(default)]
    pub tls: Option<PostgresTls>,
}

impl Postgres {
    /// Where locks are held.
    pub fn session(&self) -> &Secret {
        self.session_url.as_ref().unwrap_or(&self.url)
    }

    /// Where migrations run.
    pub fn owner(&self) -> &Secret {
        self.owner_url.as_ref().unwrap_or_else(|| self.session())
    }
}

/// `postgres.tls`: how the server's certificate is verified.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostgresTls {
    /// File of the authorities that may have signed it, in PEM. Absent: the platform's.
    pub ca: Option<PemFile>,
}

fn pool() -> usize {
    16
}
fn connect_timeout() -> Period {
    Period::seconds(2)
}
fn acquire_timeout() -> Period {
    Period::seconds(1)
}
fn statement_timeout() -> Period {
    Period::seconds(5)
}
fn slow_statement() -> TimeLimit {
    Period::millis(200).into()
}
fn yes() -> bool {
    true
}
