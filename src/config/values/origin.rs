//! Which origins a cross-origin policy allows (RFC 6454; the Fetch standard's `Origin` header).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host;

/// Every origin, one origin, or all origins below a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "origin", "examples" = ["*", "https://shop.example", "http://localhost:3000", "https://*.example"]))]
pub struct Origin(Allowed);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Allowed {
    Any,
    Exact(String),
    /// What stands before and after the labels that the star takes: `https://` and `.example:8443`.
    Below(String, String),
}

impl Origin {
    /// Whether this is `*`.
    pub fn is_any(&self) -> bool {
        self.0 == Allowed::Any
    }

    /// Whether the value of an `Origin` header is allowed. Case matters not; `null` is allowed by `*` only.
    pub fn matches(&self, origin: &str) -> bool {
        match &self.0 {
            Allowed::Any => true,
            Allowed::Exact(allowed) => allowed.eq_ignore_ascii_case(origin),
            Allowed::Below(before, after) => is_below(&origin.to_ascii_lowercase(), before, after),
        }
    }
}

fn is_below(origin: &str, before: &str, after: &str) -> bool {
    let labels = origin.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    labels.is_some_and(|labels| !labels.contains(':') && host::parse(labels).is_ok())
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(Allowed::Any));
        }
        let refuse = || {
            format!(
                "an origin is scheme://host[:port] without a path, as in \"https://shop.example\"; found {text:?}"
            )
        };
        let (scheme, authority) = text.split_once("://").ok_or_else(refuse)?;
        let default_port = default_port(scheme).ok_or_else(refuse)?;
        let (host, port) = split_port(authority).ok_or_else(refuse)?;
        if port.as_deref() == Some(default_port) {
            return Err(format!("browsers leave out the default port of an origin; write {scheme}://{host}"));
        }
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let domain = host.strip_prefix("*.");
        let name = host::parse(domain.unwrap_or(host)).map_err(|_| refuse())?;
        Ok(Self(match domain {
            Some(_) => Allowed::Below(format!("{scheme}://"), format!(".{name}{port}")),
            None => Allowed::Exact(format!("{scheme}://{name}{port}")),
        }))
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// The host and the port, if it has one; `None` when the port is no port.
fn split_port(authority: &str) -> Option<(&str, Option<String>)> {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let number = port.parse::<u16>().ok().filter(|number| *number > 0 && !port.starts_with('+'))?;
            Some((host, Some(number.to_string())))
        }
        _ => Some((authority, None)),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Allowed::Any => f.write_str("*"),
            Allowed::Exact(origin) => f.write_str(origin),
            Allowed::Below(before, after) => write!(f, "{before}*{after}"),
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        pattern.parse::<Origin>().expect(pattern).matches(origin)
    }

    #[test]
    fn an_exact_origin_matches_itself_only() {
        assert!(matches("https://shop.example", "https://shop.example"));
        assert!(matches("https://Shop.example", "https://shop.EXAMPLE"));
        for other in
            ["http://shop.example", "https://shop.example:8443", "https://a.shop.example", "null", ""]
        {
            assert!(!matches("https://shop.example", other), "{other}");
        }
    }

    #[test]
    fn a_wildcard_matches_below_its_domain_only() {
        assert!(matches("https://*.example", "https://shop.example"));
        assert!(matches("https://*.example", "https://a.b.example"));
        for other in [
            "https://example",
            "https://.example",
            "http://a.example",
            "https://a.example:8443",
            "https://evil.test#.example",
            "https://evil.test/.example",
            "https://a@b.example",
        ] {
            assert!(!matches("https://*.example", other), "{other}");
        }
        assert!(matches("http://*.example:8080", "http://a.example:8080"));
    }

    #[test]
    fn a_star_matches_everything() {
        assert!(matches("*", "https://shop.example") && matches("*", "null"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "shop.example",
            "https://",
            "https://a/",
            "https://a.example/x",
            "ftp://a",
            "HTTPS://a",
            "https://a:0",
            "https://a:x",
            "https://**.a",
            "null",
        ] {
            let error = text.parse::<Origin>().expect_err(text);
            assert!(error.starts_with("an origin is scheme://host[:port]"), "{error}");
        }
    }

    #[test]
    fn a_default_port_is_refused_because_browsers_never_send_it() {
        let error = "https://shop.example:443".parse::<Origin>().expect_err("default port");
        assert_eq!(error, "browsers leave out the default port of an origin; write https://shop.example");
    }
}
