//! Cross-origin policies (the Fetch standard's CORS protocol).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{HeaderName, Method, Origin, Period};

/// `[cors.NAME]`: which pages of other origins may call, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Origins allowed, as `https://shop.example`, `https://*.example` or `*`.
    #[schemars(length(min = 1))]
    pub origins: Vec<Origin>,
    /// Methods allowed. Empty: those of the route.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// Request headers allowed beside the safelisted ones.
    #[serde(default)]
    pub headers: Vec<HeaderName>,
    /// Response headers that scripts may read beside the safelisted ones.
    #[serde(default)]
    pub expose: Vec<HeaderName>,
    /// Whether cookies and `Authorization` may be sent. Not together with the origin `*`.
    #[serde(default)]
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight.
    #[serde(default = "max_age")]
    pub max_age: Period,
}

fn max_age() -> Period {
    Period::seconds(600)
}
