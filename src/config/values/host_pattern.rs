//! Which hosts a route serves.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host;

/// One host, or all hosts below a domain, in lower case and without a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "host-pattern", "examples" = ["shop.example", "*.example"]))]
pub enum HostPattern {
    /// `shop.example`: this host only.
    Exact(String),
    /// `*.example` holds `.example`, with the dot: every host that ends in it, at any depth, not `example` itself.
    Suffix(String),
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("*.") {
            Some(domain) => host::parse(domain).map(|domain| Self::Suffix(format!(".{domain}"))),
            None if text.contains('*') => Err(format!(
                "`*` stands for whole labels at the front only, as in \"*.example\"; found {text:?}"
            )),
            None => host::parse(text).map(Self::Exact),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(domain) => write!(f, "*{domain}"),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lower_cased() {
        assert_eq!("Shop.Example".parse(), Ok(HostPattern::Exact("shop.example".to_owned())));
        assert_eq!("*.Example".parse(), Ok(HostPattern::Suffix(".example".to_owned())));
        assert_eq!("[::1]".parse(), Ok(HostPattern::Exact("[::1]".to_owned())));
    }

    #[test]
    fn a_port_or_scheme_is_refused() {
        for text in ["shop.example:80", "http://shop.example"] {
            let error = text.parse::<HostPattern>().expect_err(text);
            assert_eq!(error, format!("a host has no port and no scheme here; found {text:?}"));
        }
    }

    #[test]
    fn a_star_stands_only_at_the_front() {
        for text in ["*", "shop.*", "a.*.example", "s*.example"] {
            let error = text.parse::<HostPattern>().expect_err(text);
            assert!(error.starts_with("`*` stands for whole labels"), "{error}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in ["", ".", "a..b", "-a.example", "a b", "a/b", "bücher.example", "example."] {
            let error = text.parse::<HostPattern>().expect_err(text);
            assert!(error.starts_with("a host name has letters"), "{error}");
        }
    }
}
