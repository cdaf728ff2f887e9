//! What of a request a hashing pool goes by, so that the same caller comes to the same endpoint.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::COOKIE;

use crate::config::{Balance, Claim, HashKey};
use crate::http::ClientAddress;
use crate::identity::Caller;
use crate::upstream::hash;

/// What a pool that hashes goes by; `None` where the request lacks it.
pub fn sticky_key(
    balance: &Balance,
    caller: Option<&Caller>,
    client: &ClientAddress,
    headers: &HeaderMap,
) -> Option<u64> {
    match balance {
        Balance::Hash(HashKey::Ip) => Some(match client.ip {
            IpAddr::V4(ip) => hash(&ip.octets()),
            IpAddr::V6(ip) => hash(&ip.octets()),
        }),
        Balance::Hash(HashKey::Header(name)) => headers.get(name.get()).map(|value| hash(value.as_bytes())),
        Balance::Hash(HashKey::Cookie(name)) => cookie(headers, name).map(|value| hash(value.as_bytes())),
        // Users of two tenants may have the same name, but not the same data.
        Balance::Hash(HashKey::Claim(Claim::Sub)) => {
            caller.map(|it| hash(it.subject.as_bytes()).rotate_left(1) ^ hash(it.tenant.uuid().as_bytes()))
        }
        Balance::Hash(HashKey::Claim(Claim::Tenant)) => caller.map(|it| hash(it.tenant.uuid().as_bytes())),
        Balance::Hash(HashKey::Claim(Claim::Sid)) => {
            caller.and_then(|it| it.session).map(|session| hash(session.uuid().as_bytes()))
        }
        Balance::Wrr | Balance::LeastRequest | Balance::P2c | Balance::PeakEwma | Balance::Random => None,
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
