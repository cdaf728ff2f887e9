//! Headers that every answer carries or must not carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::HeaderName;

/// `[headers]`: security headers on every answer, errors too. A header the backend set is left as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityHeaders {
    /// `Strict-Transport-Security`; empty sends none. Sent only when the client came by TLS.
    pub hsts: String,
    /// `Content-Security-Policy`; empty sends none.
    pub csp: String,
    /// Headers of backends that clients never see.
    pub remove: Vec<HeaderName>,
}

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self {
            hsts: "max-age=31536000; includeSubDomains".to_owned(),
            csp: "frame-ancestors 'none'".to_owned(),
            remove: ["server", "x-powered-by"].map(HeaderName::from_static).to_vec(),
        }
    }
}
