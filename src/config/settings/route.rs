//! Routes: what a request must look like, who answers it, and what is changed on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{
    ByteSize, HashKey, HeaderName, HostPattern, Method, PathPattern, Period, Permitted, TimeLimit,
};

/// `[routes.NAME]`: a condition on requests and the one who answers them: `upstream` or `local`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// One path pattern or several. `{name}` stands for one segment, `{*name}` for the rest of the path.
    pub path: Paths,
    /// Methods served. Empty: all. GET serves HEAD too.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// Hosts served, as `shop.example` or `*.example`. Empty: all.
    #[serde(default)]
    pub hosts: Vec<HostPattern>,
    /// Headers a request must carry.
    #[serde(default)]
    pub headers: Vec<HeaderMatch>,
    /// The pool that answers.
    #[serde(default)]
    pub upstream: Option<String>,
    /// Parts of the requests that go to other pools: to a canary, say. `upstream` gets the rest.
    #[serde(default)]
    pub split: Vec<Share>,
    /// What decides to which part a request belongs, `ip`, `header:NAME` or `cookie:NAME`: the same always to the same,
    /// on every route and gateway. Absent, as where a request lacks it: chance.
    #[serde(default)]
    pub split_by: Option<HashKey>,
    /// The part of the gateway that answers.
    #[serde(default)]
    pub local: Option<Local>,
    /// Taken off the front of the path before it is forwarded.
    #[serde(default)]
    pub strip_prefix: Option<String>,
    /// Put in front of the path after `strip_prefix` was taken off.
    #[serde(default)]
    pub add_prefix: Option<String>,
    /// Who may call: a word, or what the policy must allow them.
    #[serde(default)]
    pub auth: Access,
    /// Whether requests are refused while a revocation may be missing; see `[auth.revocation]`.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether API keys are taken in the place of tokens.
    #[serde(default)]
    pub api_keys: bool,
    /// How a backend is told who calls.
    #[serde(default)]
    pub identity: IdentityForm,
    /// Names of the limits that the route's requests count for. All of them must admit a request.
    #[serde(default)]
    pub limits: Vec<String>,
    /// What a request takes of each of them. Absent: what the limit says itself.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit_cost: Option<u32>,
    /// All tries together, to the head of the answer.
    #[serde(default = "response_timeout")]
    pub response_timeout: Period,
    /// The whole request, to the end of the answer or of the tunnel, whatever still comes then. `none`: no limit.
    #[serde(default)]
    pub max_duration: TimeLimit,
    /// Largest request body.
    #[serde(default = "max_body")]
    pub max_body: ByteSize,
    /// Changes to the request's headers before it is forwarded.
    #[serde(default)]
    pub request: HeaderEdits,
    /// Changes to the answer's headers.
    #[serde(default)]
    pub response: HeaderEdits,
    /// Name of the cross-origin policy. Absent: the answer carries no CORS header.
    #[serde(default)]
    pub cors: Option<String>,
}

fn response_timeout() -> Period {
    Period::seconds(10)
}
fn max_body() -> ByteSize {
    ByteSize::mebibytes(1)
}

/// A pool that gets a part of a route's requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The pool.
    pub upstream: String,
    /// Its part, in percent of the route's requests. 0: none yet.
    #[schemars(range(min = 0, max = 100))]
    pub percent: f64,
}

/// One path pattern or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Paths {
    /// `path = "/a"`.
    One(PathPattern),
    /// `path = ["/a", "/b"]`.
    Many(#[schemars(length(min = 1))] Vec<PathPattern>),
}

impl Paths {
    /// The patterns, in the order written.
    pub fn iter(&self) -> impl Iterator<Item = &PathPattern> {
        match self {
            Paths::One(pattern) => std::slice::from_ref(pattern).iter(),
            Paths::Many(patterns) => patterns.iter(),
        }
    }
}

/// A part of the gateway that answers requests itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Local {
    /// `/livez`, `/readyz` and `/healthz`.
    Health,
    /// The REST API below `/api/v1`.
    Rest,
    /// `/.well-known/jwks.json`: the keys that tokens made here are signed with.
    Keys,
    /// Sessions, below `/api/v1/auth`: login, refresh, logout and what a caller may know of itself.
    Auth,
    /// `/api/v1/status`: which gateway this is.
    Status,
    /// `/openapi.json`, the description of the API, and `/docs`, pages to read it.
    Docs,
}

impl Local {
    /// Whether it cannot answer anything without a database.
    pub fn needs_postgres(self) -> bool {
        match self {
            Self::Rest | Self::Auth => true,
            // Published keys are in files.
            Self::Health | Self::Keys | Self::Status | Self::Docs => false,
        }
    }
}

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Access {
    /// `auth = "required"`.
    Word(Auth),
    /// `auth = { roles = ["manager"], permissions = ["orders:read"] }`.
    Demands(Demands),
}

impl Access {
    /// Whether a token is needed. To demand something is to require one.
    pub fn word(&self) -> Auth {
        match self {
            Self::Word(word) => *word,
            Self::Demands(_) => Auth::Required,
        }
    }

    /// What is demanded of a caller besides a token.
    pub fn demands(&self) -> Option<&Demands> {
        match self {
            Self::Word(_) => None,
            Self::Demands(demands) => Some(demands),
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::Word(Auth::default())
    }
}

/// What callers of a route must be and may do: one of the roles, and all of the permissions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Demands {
    /// Roles of which a caller needs one, or one above it. Empty: any role will do.
    pub roles: Vec<String>,
    /// Permissions of which a caller needs all. One with `:own` is for routes whose backend tells own from other.
    pub permissions: Vec<Permitted>,
}

/// Who may call a route, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Only callers with a valid token. Needs `auth.keys_dir` or an issuer to check it by.
    #[default]
    Required,
    /// Everybody, but a token that is sent must be valid.
    Optional,
    /// Everybody; tokens are not looked at.
    None,
}

/// How a backend is told who calls. What clients send under these names never reaches it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityForm {
    /// `X-User-Id`, `X-Tenant-Id` and `X-Roles`: for backends that only the gateway can reach.
    #[default]
    Headers,
    /// `X-Olympus-Identity`: a JWT for this upstream, good for a minute, that it verifies by our published keys.
    Signed,
    /// Not at all.
    None,
}

/// A header a request must carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Its name.
    pub name: HeaderName,
    /// Its exact value. Absent: any value will do.
    #[serde(default)]
    pub value: Option<String>,
}

/// Changes to headers: first `remove`, then `set`, then `add`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderEdits {
    /// Headers replaced or created.
    #[schemars(extend("propertyNames" = {"format": "header-name"}))]
    pub set: BTreeMap<HeaderName, String>,
    /// Headers added beside those there are.
    #[schemars(extend("propertyNames" = {"format": "header-name"}))]
    pub add: BTreeMap<HeaderName, String>,
    /// Headers taken away.
    pub remove: Vec<HeaderName>,
}
