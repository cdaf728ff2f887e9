//! Where a Redis server is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host;

const SCHEME: &str = "redis://";
const DEFAULT_PORT: u16 = 6379;

/// A Redis server, written as `redis://HOST:PORT`. It holds neither a password nor whether TLS is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "redis-url", "examples" = ["redis://127.0.0.1:6379"]))]
pub struct RedisUrl {
    host: Arc<str>,
    port: u16,
}

impl RedisUrl {
    /// The name or literal address of the host, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("a server is written as \"redis://127.0.0.1:6379\"; found {text:?}");
        if text.contains('@') {
            // It may hold a password: it is not repeated.
            return Err("a user and a password have keys of their own: `username` and `password_file`".into());
        }
        if text.starts_with("rediss://") {
            return Err(format!("TLS has a table of its own: write \"redis://\" and `tls`; found {text:?}"));
        }
        let place = text.strip_prefix(SCHEME).ok_or_else(refuse)?;
        let (name, port) = match place.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().map_err(|_| refuse())?),
            Some(_) | None => (place, DEFAULT_PORT),
        };
        if port == 0 {
            return Err(refuse());
        }
        let host = host::parse(name).map_err(|_| refuse())?;
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}:{}", self.host, self.port)
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_ports_are_understood() {
        for (text, host, port) in [
            ("redis://127.0.0.1:6380", "127.0.0.1", 6380),
            ("redis://cache.internal", "cache.internal", 6379),
            ("redis://[::1]:7000", "::1", 7000),
            ("redis://[::1]", "::1", 6379),
        ] {
            let url: RedisUrl = text.parse().expect(text);
            assert_eq!((url.host(), url.port()), (host, port));
            assert_eq!(url.to_string().parse::<RedisUrl>(), Ok(url));
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = "redis://:hunter2@127.0.0.1".parse::<RedisUrl>().expect_err("a password");
        assert!(!error.contains("hunter2") && error.contains("password_file"), "{error}");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in
            ["", "127.0.0.1:6379", "redis://", "redis://a:b", "redis://a:0", "redis://a/1", "http://a"]
        {
            assert!(text.parse::<RedisUrl>().expect_err(text).contains("redis://127.0.0.1:6379"));
        }
        assert!("rediss://a".parse::<RedisUrl>().expect_err("TLS").contains("`tls`"));
    }
}
