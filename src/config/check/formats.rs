//! The leaf types by the name of their format in the schema: what they are called, and how a text is checked.

use std::net::SocketAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::config::values::{
    Address, Balance, ByteSize, HashKey, HeaderName, HostPattern, HttpUrl, KeyFolder, LimitKey, Method,
    Origin, PathPattern, PemFile, Period, Permitted, Rate, RedisUrl, Secret, ServerName, TimeLimit,
};
use crate::model::TenantId;

/// A leaf type.
pub(super) struct Format {
    name: &'static str,
    /// With its article and an example, to follow "expected".
    pub(super) noun: &'static str,
    /// Says what is wrong with a text.
    pub(super) check: fn(&str) -> Result<(), String>,
}

/// The format of that name. Formats of numbers (`uint32`) are none.
pub(super) fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

const FORMATS: [Format; 24] = [
    Format { name: "period", noun: "a duration such as \"250ms\"", check: parses::<Period> },
    Format { name: "time-limit", noun: "a duration such as \"30s\" or \"none\"", check: parses::<TimeLimit> },
    Format { name: "rate", noun: "a rate such as \"100/s\"", check: parses::<Rate> },
    Format { name: "limit-key", noun: "a key such as \"ip\"", check: parses::<LimitKey> },
    Format {
        name: "redis-url",
        noun: "a server such as \"redis://127.0.0.1:6379\"",
        check: parses::<RedisUrl>,
    },
    Format { name: "byte-size", noun: "a size such as \"1mb\"", check: parses::<ByteSize> },
    Format { name: "secret", noun: "a secret", check: parses::<Secret> },
    Format { name: "address", noun: "an address such as \"127.0.0.1:9001\"", check: parses::<Address> },
    Format { name: "balance", noun: "a balancer such as \"peak_ewma\"", check: parses::<Balance> },
    Format {
        name: "hash-key",
        noun: "a key of requests such as \"cookie:session\"",
        check: parses::<HashKey>,
    },
    Format {
        name: "header-name",
        noun: "a header name such as \"x-request-id\"",
        check: parses::<HeaderName>,
    },
    Format { name: "http-method", noun: "a method such as \"GET\"", check: parses::<Method> },
    Format { name: "http-url", noun: "a URL such as \"https://id.example/keys\"", check: parses::<HttpUrl> },
    Format { name: "host-pattern", noun: "a host such as \"shop.example\"", check: parses::<HostPattern> },
    Format { name: "path-pattern", noun: "a path such as \"/users/{id}\"", check: parses::<PathPattern> },
    Format { name: "origin", noun: "an origin such as \"https://shop.example\"", check: parses::<Origin> },
    Format { name: "pem-file", noun: "the path of a file such as \"tls/ca.pem\"", check: parses::<PemFile> },
    Format { name: "permission", noun: "a permission such as \"orders:read\"", check: parses::<Permitted> },
    Format { name: "policy-file", noun: "the path of a file such as \"policy.toml\"", check: is_named },
    Format {
        name: "tenant-id",
        noun: "the id of a tenant such as \"0195f7a0-0000-7000-8000-000000000001\"",
        check: is_tenant,
    },
    Format {
        name: "server-name",
        noun: "a host name such as \"commerce.internal\"",
        check: parses::<ServerName>,
    },
    Format { name: "key-folder", noun: "the path of a folder such as \"keys\"", check: parses::<KeyFolder> },
    Format { name: "ip-network", noun: "a network such as \"10.0.0.0/8\"", check: is_network },
    Format {
        name: "socket-address",
        noun: "an address such as \"127.0.0.1:8080\"",
        check: is_socket_address,
    },
];

fn parses<T: FromStr<Err = String>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(drop)
}

/// The file is read where its mistakes can be told with their places.
fn is_named(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("the path of a file cannot be empty".to_owned()) } else { Ok(()) }
}

fn is_tenant(text: &str) -> Result<(), String> {
    let refuse = |_| {
        format!("a tenant's id is a UUID, as in \"0195f7a0-0000-7000-8000-000000000001\"; found {text:?}")
    };
    text.parse::<TenantId>().map(drop).map_err(refuse)
}

fn is_network(text: &str) -> Result<(), String> {
    let refuse =
        |_| format!("a network is an IP address and a prefix length, as in \"10.0.0.0/8\"; found {text:?}");
    text.parse::<IpNet>().map(drop).map_err(refuse)
}

fn is_socket_address(text: &str) -> Result<(), String> {
    let refuse =
        |_| format!("a literal IP address and a port are needed, as in \"127.0.0.1:8080\"; found {text:?}");
    text.parse::<SocketAddr>().map(drop).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn formats_in(schema: &Value, found: &mut Vec<String>) {
        if let (Some("string"), Some(format)) = (schema["type"].as_str(), schema["format"].as_str()) {
            found.push(format.to_owned());
        }
        let values = schema.as_object().into_iter().flat_map(|entries| entries.values());
        let items = schema.as_array().into_iter().flatten();
        values.chain(items).for_each(|inner| formats_in(inner, found));
    }

    #[test]
    fn every_format_of_the_schema_is_checked() {
        let mut found = Vec::new();
        formats_in(&crate::config::json_schema(), &mut found);
        assert!(found.len() > 20);
        for name in found {
            assert!(find(&name).is_some(), "format `{name}` has no check");
        }
    }

    #[test]
    fn networks_and_socket_addresses_say_what_they_need() {
        assert!(is_network("10.0.0.0/8").is_ok() && is_socket_address("[::1]:80").is_ok());
        assert!(is_network("10.0.0.1").expect_err("no prefix").contains("prefix length"));
        assert!(is_socket_address("localhost:80").expect_err("a name").contains("literal IP address"));
    }
}
