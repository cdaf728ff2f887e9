//! The typed settings: one struct per table of the file, each key with its doc comment, default and unit.
//! The JSON Schema, the check for unknown keys and the printed defaults are all derived from these types,
//! so a key exists here exactly when it acts.

mod auth;
mod cache;
mod commerce;
mod cors;
mod headers;
mod limit;
mod listener;
mod policy;
mod postgres;
mod redis;
mod resilience;
mod rest;
mod route;
mod server;
mod sessions;
mod telemetry;
mod transport;
mod upstream;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use auth::{Authentication, Claims, Issuer, Revocation, WhenStale};
pub use cache::{Cache, WarmPath};
pub use commerce::CommerceBackend;
pub use cors::Cors;
pub use headers::SecurityHeaders;
pub use limit::{Limit, WhenRedisFails};
pub use listener::{Identity, Listener, ListenerTls, TlsVersion};
pub use policy::{Policy, PolicyGrant, Role};
pub use postgres::{Postgres, PostgresTls};
pub use redis::{Redis, RedisMode, RedisTls};
pub use resilience::{Breaker, BreakerScope, Outlier, Retry, RetryOn};
pub use rest::Rest;
pub use route::{Access, Auth, Demands, HeaderEdits, HeaderMatch, IdentityForm, Local, Paths, Route, Share};
pub use server::{Admin, Drain, Limits, Server, Timeouts};
pub use sessions::{Attempts, AuthBackend, Backends, Cookie, SameSite};
pub use telemetry::{AccessLog, Level, Otlp, Telemetry};
pub use transport::{Protocol, Tls};
pub use upstream::{Endpoint, Health, Upstream};

use super::values::Secret;

/// Everything the gateway was told, after includes, defaults and environment overrides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Version of this file's format. Only 1 exists.
    #[schemars(range(min = 1, max = 1), extend("x-reload" = "nothing"))]
    pub version: u32,
    /// Further files, relative to this one; `*` matches within a folder. A table may be set in one file only.
    #[serde(default)]
    #[schemars(extend("x-reload" = "nothing"))]
    pub include: Vec<String>,
    /// File that says which role may do what, relative to this one. Absent: the policy the gateway ships.
    #[serde(default, rename = "policy")]
    #[schemars(with = "Option<String>", extend("format" = "policy-file"))]
    pub policy_file: Option<PathBuf>,
    /// What that file says.
    #[serde(skip)]
    pub policy: Arc<Policy>,
    /// The process as a whole.
    #[serde(default)]
    pub server: Server,
    /// Where clients connect, by name. At least one is needed.
    #[serde(default)]
    #[schemars(extend("x-reload" = "restart"))]
    pub listeners: BTreeMap<String, Listener>,
    /// The operators' side: admin API and metrics.
    #[serde(default)]
    #[schemars(extend("x-reload" = "restart"))]
    pub admin: Admin,
    /// The database. Absent: none.
    #[serde(default)]
    #[schemars(extend("x-reload" = "restart"))]
    pub postgres: Option<Postgres>,
    /// What is read often is kept in memory. Absent: nothing is.
    #[serde(default)]
    #[schemars(extend("x-reload" = "restart"))]
    pub cache: Option<Cache>,
    /// Values that upstreams and routes take where they say nothing themselves.
    #[serde(default)]
    #[schemars(extend("x-reload" = "nothing"))]
    pub defaults: Defaults,
    /// Pools of backends, by name.
    #[serde(default)]
    #[schemars(extend("x-reload" = "rebuild"))]
    pub upstreams: BTreeMap<String, Upstream>,
    /// What is served, by name. The most specific route that matches a request wins.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// Who may vouch for callers.
    #[serde(default)]
    pub auth: Authentication,
    /// Services that the gateway itself calls.
    #[serde(default)]
    pub backends: Backends,
    /// The REST API.
    #[serde(default)]
    pub rest: Rest,
    /// Cross-origin policies that routes refer to by name.
    #[serde(default)]
    pub cors: BTreeMap<String, Cors>,
    /// How often clients may ask, by name. Routes refer to them.
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
    /// What instances share. Absent: each one counts in its own memory.
    #[serde(default)]
    #[schemars(extend("x-reload" = "restart"))]
    pub redis: Option<Redis>,
    /// Headers on every answer.
    #[serde(default)]
    pub headers: SecurityHeaders,
    /// Logs, metrics and traces.
    #[serde(default)]
    pub telemetry: Telemetry,
}

impl Settings {
    /// Without the tables that may hold thousands. A reload changes all of them; nothing in them waits for a restart.
    pub fn without_names(&self) -> Self {
        Self { upstreams: BTreeMap::new(), routes: BTreeMap::new(), ..self.clone() }
    }

    /// Every secret, by the path of its key. They print alike, so whoever compares settings asks here.
    pub(super) fn secrets(&self) -> Vec<(&'static str, Option<&Secret>)> {
        let postgres = self.postgres.as_ref();
        vec![
            ("admin.token", self.admin.token.as_ref()),
            ("postgres.url", postgres.map(|postgres| &postgres.url)),
            ("postgres.session_url", postgres.and_then(|postgres| postgres.session_url.as_ref())),
            ("postgres.owner_url", postgres.and_then(|postgres| postgres.owner_url.as_ref())),
            ("backends.auth.token", self.backends.auth.as_ref().map(|auth| &auth.token)),
            ("redis.password", self.redis.as_ref().and_then(|redis| redis.password.as_ref())),
        ]
    }
}

/// `[defaults.upstream]` and `[defaults.route]`: tables merged under each upstream and each route.
///
/// They hold the keys of an upstream or a route, none of them required, and are merged before the
/// settings are typed; here they are kept only to be shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Taken by every upstream for the keys it does not set.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schemars(extend("x-partial-of" = "Upstream"))]
    pub upstream: serde_json::Map<String, serde_json::Value>,
    /// Taken by every route for the keys it does not set.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schemars(extend("x-partial-of" = "Route"))]
    pub route: serde_json::Map<String, serde_json::Value>,
}
