//! Routes: what a request must look like, who answers it, and what is changed on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, HashKey, HeaderName, HostPattern, Method, PathPattern, Period, TimeLimit};

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
    /// Who may call.
    #[serde(default)]
    pub auth: Auth,
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
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Only callers with a valid token. Needs an issuer to check it by.
    #[default]
    Required,
    /// Everybody.
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
