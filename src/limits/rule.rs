//! A limit as requests meet it, and what it counts a request under.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use ring::digest::{Context, SHA256};

use super::gcra::Quota;
use super::table::Key;
use crate::config::{Limit, LimitKey, WhenRedisFails};
use crate::model::TenantId;
use crate::telemetry::{LimitCounters, LimitMetrics};

/// A configured limit.
#[derive(Debug)]
pub struct Rule {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Whether it only counts what it would refuse.
    pub is_shadow: bool,
    pub(super) quota: Quota,
    pub(super) cost: u64,
    pub(super) when_redis_fails: WhenRedisFails,
    pub(super) least_instances: u32,
    key: Box<[LimitKey]>,
    counters: OnceLock<LimitCounters>,
}

/// Of a request, what it may be counted under.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The client's address.
    pub ip: IpAddr,
    /// The name of the route.
    pub route: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The caller and the tenant, once they are known.
    pub caller: Option<(TenantId, &'a str)>,
}

impl Rule {
    /// The limit of this name.
    pub fn new(name: &str, settings: &Limit) -> Self {
        Self {
            name: name.into(),
            is_shadow: settings.shadow,
            quota: Quota::of(settings),
            cost: u64::from(settings.cost),
            when_redis_fails: settings.when_redis_fails,
            least_instances: settings.instances,
            key: settings.key.as_slice().into(),
            counters: OnceLock::new(),
        }
    }

    /// Whether what it counts by is known only once the caller is.
    pub fn needs_caller(&self) -> bool {
        self.key.iter().any(LimitKey::needs_caller)
    }

    /// Whether tenants may have quotas of their own in it.
    pub(super) fn names_tenant(&self) -> bool {
        self.key.contains(&LimitKey::Tenant)
    }

    /// What it counts by, in words.
    pub fn key(&self) -> String {
        let words: Vec<String> = self.key.iter().map(LimitKey::to_string).collect();
        words.join(" + ")
    }

    /// Where its decisions are counted.
    pub(super) fn counters(&self, metrics: &LimitMetrics) -> &LimitCounters {
        self.counters.get_or_init(|| metrics.of(&self.name))
    }

    /// What a request is counted under in this instance.
    pub(super) fn local_key(&self, subject: &Subject<'_>, seed: &RandomState) -> Key {
        let mut hasher = seed.build_hasher();
        hasher.write(self.name.as_bytes());
        self.feed(subject, |tag, bytes| {
            hasher.write_u8(tag);
            hasher.write_usize(bytes.len());
            hasher.write(bytes);
        });
        Key::new(hasher.finish())
    }

    /// What a request is counted under in all instances, without the rule: rules by the same key lie together, and no
    /// address or name is readable in Redis.
    pub(super) fn shared_key(&self, subject: &Subject<'_>) -> String {
        let mut context = Context::new(&SHA256);
        self.feed(subject, |tag, bytes| {
            context.update(&[tag]);
            context.update(&(bytes.len() as u64).to_le_bytes());
            context.update(bytes);
        });
        let digest = context.finish();
        digest.as_ref().iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The parts of the key. What is not known of a request is replaced by its address.
    fn feed(&self, subject: &Subject<'_>, mut part: impl FnMut(u8, &[u8])) {
        for key in &self.key {
            match (key, subject.caller) {
                (LimitKey::Route, _) => part(b'r', subject.route.as_bytes()),
                (LimitKey::Tenant, Some((tenant, _))) => part(b't', tenant.uuid().as_bytes()),
                (LimitKey::User, Some((tenant, user))) => {
                    // Another issuer may give the same name to users of two tenants.
                    part(b't', tenant.uuid().as_bytes());
                    part(b'u', user.as_bytes());
                }
                (LimitKey::Header(name), _) if subject.headers.contains_key(name.get()) => {
                    for value in subject.headers.get_all(name.get()) {
                        part(b'h', value.as_bytes());
                    }
                }
                (LimitKey::Ip, _) | (LimitKey::Tenant | LimitKey::User, None) | (LimitKey::Header(_), _) => {
                    address(subject.ip, &mut part);
                }
            }
        }
    }
}

/// Bytes of a digest that are kept: as many as make a collision hopeless to look for.
const DIGEST: usize = 16;
/// Bytes of an IPv6 address that one client does not choose: the last 64 bits are its own (RFC 4291 section 2.5.1).
const NETWORK: usize = 8;

fn address(ip: IpAddr, part: &mut impl FnMut(u8, &[u8])) {
    match ip {
        IpAddr::V4(ip) => part(b'4', &ip.octets()),
        IpAddr::V6(ip) => part(b'6', ip.octets().get(..NETWORK).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: &str) -> Rule {
        let limit = serde_json::json!({ "key": key.split(' ').collect::<Vec<_>>(), "rate": "10/s" });
        Rule::new("one", &serde_json::from_value(limit).unwrap())
    }

    fn same(rule: &Rule, one: &Subject<'_>, other: &Subject<'_>) -> bool {
        let seed = RandomState::new();
        let local = rule.local_key(one, &seed) == rule.local_key(other, &seed);
        assert_eq!(local, rule.shared_key(one) == rule.shared_key(other));
        local
    }

    #[test]
    fn requests_are_told_apart_by_what_the_rule_names() {
        let mut headers = HeaderMap::new();
        headers.insert("x-client", "a".parse().unwrap());
        let (empty, tenant, other) = (HeaderMap::new(), TenantId::new(), TenantId::new());
        let base = Subject {
            ip: [10, 0, 0, 1].into(),
            route: "a",
            headers: &headers,
            caller: Some((tenant, "ada")),
        };
        let elsewhere = Subject { ip: [10, 0, 0, 2].into(), ..base };
        let routed = Subject { route: "b", ..base };
        let unnamed = Subject { headers: &empty, ..base };
        let bob = Subject { caller: Some((tenant, "bob")), ..base };
        let twin = Subject { caller: Some((other, "ada")), ..base };
        let nobody = Subject { caller: None, ..base };
        for (key, apart) in [
            ("ip", vec![elsewhere]),
            ("route", vec![routed]),
            ("user", vec![bob, twin, nobody]),
            ("tenant", vec![twin, nobody]),
            ("header:x-client", vec![unnamed]),
            ("ip route", vec![elsewhere, routed]),
        ] {
            let rule = rule(key);
            assert!(same(&rule, &base, &base), "{key}");
            assert!(apart.iter().all(|it| !same(&rule, &base, it)), "{key}");
            let all = [elsewhere, routed, unnamed, bob, twin, nobody];
            let differing = all.iter().filter(|it| !same(&rule, &base, it)).count();
            assert_eq!(differing, apart.len(), "{key}");
        }
    }

    #[test]
    fn the_anonymous_count_by_address() {
        let headers = HeaderMap::new();
        let one = Subject { ip: [10, 0, 0, 1].into(), route: "a", headers: &headers, caller: None };
        let other = Subject { ip: [10, 0, 0, 2].into(), ..one };
        for key in ["user", "tenant", "tenant user", "header:x-client"] {
            assert!(!same(&rule(key), &one, &other), "{key}");
        }
    }

    #[test]
    fn one_client_has_a_whole_network_of_ipv6() {
        let headers = HeaderMap::new();
        let at = |ip: &str| Subject { ip: ip.parse().unwrap(), route: "a", headers: &headers, caller: None };
        assert!(same(&rule("ip"), &at("2001:db8::1"), &at("2001:db8::ffff:2")));
        assert!(!same(&rule("ip"), &at("2001:db8::1"), &at("2001:db8:0:1::1")));
    }
}
