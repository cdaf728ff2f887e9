//! The name of an HTTP header field.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a header, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "header-name", "examples" = ["x-request-id"]))]
pub struct HeaderName(http::HeaderName);

impl HeaderName {
    /// A name known when this is compiled.
    ///
    /// # Panics
    /// When the name is not a valid lower-case header name.
    pub const fn from_static(name: &'static str) -> Self {
        Self(http::HeaderName::from_static(name))
    }

    /// The name as the HTTP library knows it.
    pub const fn get(&self) -> &http::HeaderName {
        &self.0
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for HeaderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Ok(name) = http::HeaderName::from_bytes(text.as_bytes()) else {
            return Err(format!(
                "a header name has letters, digits and dashes only, as in \"x-request-id\"; found {text:?}"
            ));
        };
        if name.as_str() != text {
            return Err(format!(
                "header names are written in lower case: {:?}; found {text:?}",
                name.as_str()
            ));
        }
        Ok(Self(name))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for HeaderName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_case_name_is_taken() {
        let name: HeaderName = "content-type".parse().expect("a name");
        assert_eq!(name.get(), http::header::CONTENT_TYPE);
        assert_eq!(name, HeaderName::from_static("content-type"));
    }

    #[test]
    fn upper_case_is_refused_with_the_right_spelling() {
        let error = "X-Tenant".parse::<HeaderName>().expect_err("upper case");
        assert_eq!(error, "header names are written in lower case: \"x-tenant\"; found \"X-Tenant\"");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused() {
        for text in ["", "x tenant", "x:", "x\n", "ä"] {
            let error = text.parse::<HeaderName>().expect_err(text);
            assert!(error.starts_with("a header name has letters"), "{error}");
        }
    }

    #[test]
    fn names_are_ordered_as_text() {
        assert!(HeaderName::from_static("a") < HeaderName::from_static("b"));
    }
}
