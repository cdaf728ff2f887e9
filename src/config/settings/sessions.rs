//! Sessions: who checks passwords, how often somebody may try, and cookies for browsers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CommerceBackend;
use crate::config::{Period, Rate, Secret};

/// `[backends]`: services that the gateway itself calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backends {
    /// The service that checks passwords. Routes with `local = "auth"` need it.
    pub auth: Option<AuthBackend>,
    /// The service that keeps stock. Routes that serve `/api/v1/orders` need it.
    pub commerce: Option<CommerceBackend>,
}

/// `[backends.auth]`: the service that checks passwords.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthBackend {
    /// The pool it answers in.
    pub upstream: String,
    /// The token by which it knows the gateway.
    pub token: Secret,
    /// A file holding `token`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub token_file: Option<PathBuf>,
    /// How long a login may wait for it.
    #[serde(default = "timeout")]
    pub timeout: Period,
}

fn timeout() -> Period {
    Period::seconds(5)
}

/// `[auth.attempts]`: how often somebody may try. As many as a rate names may come at once after a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attempts {
    /// Logins to one account from one address.
    pub login_account: Rate,
    /// Logins to one account from all addresses together: beyond it, its owner waits too.
    pub login_account_total: Rate,
    /// Logins from one address.
    pub login_address: Rate,
    /// Refreshes of one account.
    pub refresh_account: Rate,
    /// Refreshes from one address.
    pub refresh_address: Rate,
    /// Tokens that one account asks about.
    pub validate_account: Rate,
    /// Tokens that are asked about from one address.
    pub validate_address: Rate,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            login_account: Rate::each_minute(10),
            login_account_total: Rate::each_minute(100),
            login_address: Rate::each_minute(60),
            refresh_account: Rate::each_minute(60),
            refresh_address: Rate::each_minute(600),
            validate_account: Rate::each_minute(6000),
            validate_address: Rate::each_minute(6000),
        }
    }
}

/// `[auth.cookie]`: tokens of browsers in cookies that no script reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cookie {
    /// Whether they come along when another site links here.
    pub same_site: SameSite,
}

/// `SameSite` of cookies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameSite {
    /// They come along when somebody follows a link.
    #[default]
    Lax,
    /// They never do.
    Strict,
}

impl SameSite {
    /// The word in a cookie.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}
