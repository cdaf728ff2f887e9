//! What of a request is hashed, where the same caller is to be treated alike each time.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HeaderName;

/// What of a request is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "hash-key", "pattern" = "^(ip|(header|cookie):.+|claim:(sub|tenant|sid))$", "examples" = ["ip", "header:x-tenant", "cookie:session", "claim:tenant"]))]
pub enum HashKey {
    /// The client's address.
    Ip,
    /// A header of the request.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
    /// What a verified token says.
    Claim(Claim),
}

/// A claim that names whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The user or service account.
    Sub,
    /// The tenant.
    Tenant,
    /// The session.
    Sid,
}

/// Claims by the names tokens give them.
const CLAIMS: [(&str, Claim); 3] = [("sub", Claim::Sub), ("tenant", Claim::Tenant), ("sid", Claim::Sid)];

impl HashKey {
    /// The key of that text; `None` where it is of no known kind.
    pub(super) fn read(text: &str) -> Option<Result<Self, String>> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("ip", "") if text == "ip" => Some(Ok(Self::Ip)),
            ("header", name) => Some(name.parse().map(Self::Header)),
            ("cookie", name) if is_token(name) => Some(Ok(Self::Cookie(name.to_owned()))),
            ("cookie", name) => Some(Err(format!(
                "a cookie's name has visible characters and no separators, as in \"session\"; found {name:?}"
            ))),
            ("claim", name) => Some(match CLAIMS.iter().find(|(known, _)| *known == name) {
                Some((_, claim)) => Ok(Self::Claim(*claim)),
                None => Err(format!("a caller goes by the claim `sub`, `tenant` or `sid`; found {name:?}")),
            }),
            _ => None,
        }
    }
}

/// The name of a cookie is a token (RFC 6265 section 4.1.1), and so is that of a header.
fn is_token(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_ok()
}

impl FromStr for HashKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown =
            || Err(format!("unknown key {text:?}; known are ip, header:NAME, cookie:NAME, claim:NAME"));
        Self::read(text).unwrap_or_else(unknown)
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip => f.write_str("ip"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Claim(claim) => {
                let name = CLAIMS.iter().find(|(_, known)| known == claim).map_or("", |(name, _)| name);
                write!(f, "claim:{name}")
            }
        }
    }
}

impl TryFrom<String> for HashKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HashKey> for String {
    fn from(key: HashKey) -> Self {
        key.to_string()
    }
}
