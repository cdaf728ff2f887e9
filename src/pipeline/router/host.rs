//! Hosts: how they are compared, and a table of values by host pattern.

use std::borrow::Cow;
use std::collections::HashMap;
use std::iter::successors;

use crate::config::HostPattern;

/// The host named by a `Host` header, in the spelling hosts are compared in: without port, brackets and the
/// dot of the root, in lower case.
pub(super) fn of_header(header: &str) -> Cow<'_, str> {
    let host = match header.strip_prefix('[') {
        Some(literal) => literal.split(']').next(),
        None => header.split(':').next(),
    };
    spell(host.unwrap_or_default())
}

/// One value for each host pattern, and one for any host.
#[derive(Debug, Default)]
pub(super) struct HostTable<V> {
    exact: HashMap<String, V>,
    suffixes: HashMap<String, V>,
    any: V,
}

impl<V: Default> HostTable<V> {
    /// The value of a pattern, created when it is new. `None` is any host.
    pub(super) fn slot(&mut self, pattern: Option<&HostPattern>) -> &mut V {
        match pattern {
            Some(HostPattern::Exact(host)) => self.exact.entry(of_pattern(host)).or_default(),
            Some(HostPattern::Suffix(suffix)) => self.suffixes.entry(of_pattern(suffix)).or_default(),
            None => &mut self.any,
        }
    }

    /// The values of the patterns that fit a host: its own, then from the longest suffix to the shortest, then any.
    pub(super) fn matching(&self, host: &str) -> impl Iterator<Item = &V> {
        let suffixes = successors(parent(host), |suffix| parent(suffix));
        let by_suffix = suffixes.filter_map(|suffix| self.suffixes.get(suffix));
        self.exact.get(host).into_iter().chain(by_suffix).chain([&self.any])
    }
}

/// Whether a host, spelled as in [`of_header`], is one of those a pattern stands for.
pub(super) fn fits(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(exact) => of_pattern(exact) == host,
        HostPattern::Suffix(suffix) => {
            let suffix = of_pattern(suffix);
            successors(parent(host), |rest| parent(rest)).any(|rest| rest == suffix)
        }
    }
}

fn parent(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, parent)| parent)
}

/// A suffix may be written with its dot or without.
fn of_pattern(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    spell(host.strip_prefix('.').unwrap_or(host)).into_owned()
}

fn spell(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_without_port_case_brackets_and_root_dot() {
        for (header, host) in [
            ("shop.example", "shop.example"),
            ("Shop.Example:8080", "shop.example"),
            ("shop.example.:443", "shop.example"),
            ("[::1]:8080", "::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("[::1", "::1"),
            ("127.0.0.1:80", "127.0.0.1"),
            (":80", ""),
            ("", ""),
        ] {
            assert_eq!(of_header(header), host, "{header}");
        }
    }

    #[test]
    fn a_normal_host_is_borrowed() {
        assert!(matches!(of_header("shop.example:8080"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_nearer_pattern_comes_first() {
        let mut table = HostTable::<&str>::default();
        *table.slot(None) = "any";
        *table.slot(Some(&HostPattern::Suffix("example".to_owned()))) = "*.example";
        *table.slot(Some(&HostPattern::Suffix(".Shop.example".to_owned()))) = "*.shop.example";
        *table.slot(Some(&HostPattern::Exact("a.shop.Example.".to_owned()))) = "a.shop.example";
        let of = |host: &str| table.matching(host).copied().collect::<Vec<_>>();
        assert_eq!(of("a.shop.example"), ["a.shop.example", "*.shop.example", "*.example", "any"]);
        assert_eq!(of("b.a.shop.example"), ["*.shop.example", "*.example", "any"]);
        assert_eq!(of("shop.example"), ["*.example", "any"]);
        assert_eq!(of("example"), ["any"]);
        assert_eq!(of(""), ["any"]);
    }

    #[test]
    fn a_bracketed_pattern_fits_a_bracketed_header() {
        let mut table = HostTable::<&str>::default();
        *table.slot(Some(&HostPattern::Exact("[::1]".to_owned()))) = "loopback";
        assert_eq!(table.matching(&of_header("[::1]:80")).next(), Some(&"loopback"));
    }
}
