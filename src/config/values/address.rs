//! Where a backend listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A literal IP address with its port, or the path of a Unix socket. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "address", "examples" = ["127.0.0.1:9001", "[::1]:80", "unix:/run/app.sock"]))]
pub enum Address {
    /// `127.0.0.1:9001` or `[::1]:9001`.
    Ip(SocketAddr),
    /// `unix:/run/app.sock`; the path is absolute.
    Unix(Arc<Path>),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') && path.len() > 1 => Ok(Self::Unix(Path::new(path).into())),
            Some(_) => Err(format!(
                "a Unix socket needs an absolute path, as in \"unix:/run/app.sock\"; found {text:?}"
            )),
            None => parse_ip(text).map(Self::Ip),
        }
    }
}

fn parse_ip(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err(format!("port 0 cannot be called; found {text:?}")),
            _ => Ok(address),
        };
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!(
            "the port is missing, as in \"127.0.0.1:9001\" or \"[::1]:9001\"; found {text:?}"
        ));
    }
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let is_name = host.chars().any(|c| c.is_ascii_alphabetic()) && !host.contains([':', '/', '[', ' ']);
    if is_name {
        return Err(format!(
            "a literal IP address is needed here, a host name is not looked up; found {text:?}"
        ));
    }
    Err(format!("an address is \"ip:port\" or \"unix:/path\", as in \"127.0.0.1:9001\"; found {text:?}"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Address>().expect_err(text)
    }

    #[test]
    fn literal_addresses_and_sockets_are_understood() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix:/run/app.sock"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_host_name_is_told_apart_from_nonsense() {
        let text =
            "a literal IP address is needed here, a host name is not looked up; found \"shop.example:80\"";
        assert_eq!(refusal("shop.example:80"), text);
        assert!(refusal("localhost").starts_with("a literal IP address is needed"));
        for nonsense in ["", ":80", "1.2.3.4:", "1.2.3.4:99999", "http://a:80", "::1:80:x"] {
            assert!(refusal(nonsense).starts_with("an address is"), "{}", refusal(nonsense));
        }
    }

    #[test]
    fn a_missing_or_impossible_port_is_named() {
        assert!(refusal("127.0.0.1").starts_with("the port is missing"));
        assert!(refusal("[::1]").starts_with("the port is missing"));
        assert!(refusal("127.0.0.1:0").starts_with("port 0 cannot be called"));
    }

    #[test]
    fn a_socket_path_is_absolute() {
        assert!(refusal("unix:app.sock").starts_with("a Unix socket needs an absolute path"));
        assert!(refusal("unix:").starts_with("a Unix socket needs an absolute path"));
    }
}
