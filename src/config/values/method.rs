//! The method of an HTTP request.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The methods of RFC 9110 and RFC 5789 that a gateway can serve.
const KNOWN: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// A method, in upper case. CONNECT is none: the gateway opens no tunnels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "http-method", "pattern" = "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE)$", "examples" = ["GET", "POST"]))]
pub struct Method(http::Method);

impl Method {
    /// The method as the HTTP library knows it.
    pub const fn get(&self) -> &http::Method {
        &self.0
    }

    /// The method as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("CONNECT") {
            return Err("CONNECT asks for a tunnel, which the gateway does not open".to_owned());
        }
        let known = KNOWN.iter().find(|name| **name == text).and_then(|name| name.parse().ok());
        known.map(Self).ok_or_else(|| refuse(text))
    }
}

fn refuse(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let distance = |name: &&&str| strsim::damerau_levenshtein(name, &upper);
    match KNOWN.iter().min_by_key(distance).filter(|name| distance(name) <= 2) {
        Some(nearest) => format!("unknown method {text:?}; did you mean `{nearest}`?"),
        None => format!("unknown method {text:?}; known are {}", KNOWN.join(", ")),
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Method>().expect_err(text)
    }

    #[test]
    fn every_known_method_is_taken() {
        for name in KNOWN {
            assert_eq!(name.parse::<Method>().expect(name).get().as_str(), name);
        }
    }

    #[test]
    fn the_nearest_method_is_proposed() {
        assert_eq!(refusal("get"), "unknown method \"get\"; did you mean `GET`?");
        assert_eq!(refusal("PSOT"), "unknown method \"PSOT\"; did you mean `POST`?");
        assert!(
            refusal("FROBNICATE").ends_with("known are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
        );
    }

    #[test]
    fn connect_is_refused() {
        assert_eq!(refusal("CONNECT"), "CONNECT asks for a tunnel, which the gateway does not open");
    }
}
