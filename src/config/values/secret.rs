//! A value that must never be shown.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is printed in the place of a secret.
const REDACTED: &str = "[redacted]";

/// A token or a password. It prints as `[redacted]` everywhere; only [`Secret::expose`] shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "secret", "writeOnly" = true))]
pub struct Secret(Arc<str>);

impl Secret {
    /// The value itself, for the one place that compares or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a secret cannot be empty".to_owned());
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl TryFrom<String> for Secret {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Secret> for String {
    fn from(_: Secret) -> Self {
        REDACTED.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let secret: Secret = "hunter2".parse().expect("a secret");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "[redacted] [redacted] [redacted]");
        assert_eq!(serde_json::to_string(&secret).expect("json"), "\"[redacted]\"");
        assert_eq!(String::from(secret), "[redacted]");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert_eq!("".parse::<Secret>(), Err("a secret cannot be empty".to_owned()));
    }
}
