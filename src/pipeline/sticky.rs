//! What of a request pools and splits go by that treat the same caller alike each time.

use std::net::IpAddr;

use http::HeaderMap;

use crate::config::{Balance, Claim, HashKey};
use crate::http::{ClientAddress, cookie};
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
        Balance::Hash(key) => key_of(key, caller, client, headers),
        Balance::Wrr | Balance::LeastRequest | Balance::P2c | Balance::PeakEwma | Balance::Random => None,
    }
}

/// The key of a request as a number; `None` where the request lacks it.
pub(super) fn key_of(
    key: &HashKey,
    caller: Option<&Caller>,
    client: &ClientAddress,
    headers: &HeaderMap,
) -> Option<u64> {
    match key {
        HashKey::Ip => Some(match client.ip {
            IpAddr::V4(ip) => hash(&ip.octets()),
            IpAddr::V6(ip) => hash(&ip.octets()),
        }),
        HashKey::Header(name) => headers.get(name.get()).map(|value| hash(value.as_bytes())),
        HashKey::Cookie(name) => cookie(headers, name).map(|value| hash(value.as_bytes())),
        // Users of two tenants may have the same name, but not the same data.
        HashKey::Claim(Claim::Sub) => {
            caller.map(|it| hash(it.subject.as_bytes()).rotate_left(1) ^ hash(it.tenant.uuid().as_bytes()))
        }
        HashKey::Claim(Claim::Tenant) => caller.map(|it| hash(it.tenant.uuid().as_bytes())),
        HashKey::Claim(Claim::Sid) => {
            caller.and_then(|it| it.session).map(|session| hash(session.uuid().as_bytes()))
        }
    }
}
