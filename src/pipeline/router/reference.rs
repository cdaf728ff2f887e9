//! The documented order again, in the most naive way: every rule is tried, and the matches are sorted.
//! Random rule sets and requests must come out the same from here and from the table.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{Outcome, Request, Router, Rule};
use crate::config::{HostPattern, PathPattern, Segment};

/// What a request may come to: the kind of outcome, the route's name, the `Allow` list.
type Answer = (&'static str, String, String);

/// One way in which a rule matches.
struct Candidate<'a> {
    name: &'a str,
    methods: &'a [Method],
    rank: Rank<'a>,
}

/// Host, kinds of segments, any method, header conditions, name: the smallest is the most specific.
type Rank<'a> = (HostRank, Vec<u8>, bool, Reverse<(usize, usize)>, &'a str);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Exact,
    Suffix(Reverse<usize>),
    Any,
}

fn answer(rules: &[Rule<()>], request: &Request<'_>) -> Answer {
    let mut candidates: Vec<_> = rules.iter().flat_map(|rule| candidates(rule, request)).collect();
    candidates.sort_by(|left, right| left.rank.cmp(&right.rank));
    let named = |kind, candidate: &Candidate<'_>| (kind, candidate.name.to_owned(), String::new());
    let Some(first) = candidates.first() else { return ("not found", String::new(), String::new()) };
    let wanted = request.method;
    let mut willing = candidates.iter().filter(|candidate| serves(candidate.methods, wanted));
    let chosen = match *wanted == Method::OPTIONS && !first.methods.is_empty() {
        true => willing.find(|candidate| !candidate.methods.is_empty()),
        false => willing.next(),
    };
    match chosen {
        Some(candidate) => named("found", candidate),
        None if *wanted == Method::OPTIONS => ("options", first.name.to_owned(), allow(&candidates)),
        None => ("not allowed", String::new(), allow(&candidates)),
    }
}

fn candidates<'a>(rule: &'a Rule<()>, request: &Request<'_>) -> Vec<Candidate<'a>> {
    let has_headers = rule.headers.iter().all(|(name, value)| match value {
        Some(value) => request.headers.get_all(name).iter().any(|found| found.as_bytes() == value.as_bytes()),
        None => request.headers.contains_key(name),
    });
    let with_value = rule.headers.iter().filter(|(_, value)| value.is_some()).count();
    let mut found = Vec::new();
    for host in host_ranks(&rule.hosts, request.host.unwrap_or_default()) {
        for path in rule.paths.iter().filter(|pattern| has_headers && fits(pattern, request.path)) {
            let kinds = path.segments().iter().map(kind).collect();
            let headers = Reverse((rule.headers.len(), with_value));
            let rank = (host, kinds, rule.methods.is_empty(), headers, rule.name.as_str());
            found.push(Candidate { name: &rule.name, methods: &rule.methods, rank });
        }
    }
    found
}

fn host_ranks(patterns: &[HostPattern], host: &str) -> Vec<HostRank> {
    if patterns.is_empty() {
        return vec![HostRank::Any];
    }
    let rank = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(exact) => (exact == host).then_some(HostRank::Exact),
        HostPattern::Suffix(suffix) => {
            let suffix = suffix.trim_start_matches('.');
            host.ends_with(&format!(".{suffix}")).then_some(HostRank::Suffix(Reverse(suffix.len())))
        }
    };
    patterns.iter().filter_map(rank).collect()
}

fn fits(pattern: &PathPattern, path: &str) -> bool {
    let fits = fits_naively(pattern, path);
    assert_eq!(pattern.fits(path), fits, "{} {path}", pattern.as_str());
    fits
}

fn fits_naively(pattern: &PathPattern, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let patterns = pattern.segments();
    let takes_rest = matches!(patterns.last(), Some(Segment::Rest(_)));
    let has_length = match takes_rest {
        true => segments.len() >= patterns.len(),
        false => segments.len() == patterns.len(),
    };
    has_length
        && patterns.iter().zip(segments).all(|(pattern, segment)| match pattern {
            Segment::Literal(text) => text == segment,
            Segment::Param(_) => !segment.is_empty(),
            Segment::Rest(_) => true,
        })
}

fn kind(segment: &Segment) -> u8 {
    match segment {
        Segment::Literal(_) => 0,
        Segment::Param(_) => 1,
        Segment::Rest(_) => 2,
    }
}

fn serves(methods: &[Method], wanted: &Method) -> bool {
    let is_named = |method: &Method| method == wanted || (method == "GET" && wanted == "HEAD");
    methods.is_empty() || methods.iter().any(is_named)
}

fn allow(candidates: &[Candidate<'_>]) -> String {
    let all = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let served = |method: &&str| {
        let method = method.parse().expect("a method");
        method == Method::OPTIONS || candidates.iter().any(|candidate| serves(candidate.methods, &method))
    };
    let served: BTreeSet<_> = all.into_iter().filter(served).collect();
    Vec::from_iter(served).join(", ")
}

fn table_answer(router: &Router<()>, request: &Request<'_>) -> Answer {
    let text = |allow: HeaderValue| allow.to_str().expect("text").to_owned();
    match router.route(request) {
        Outcome::Found(found) => ("found", found.name.to_owned(), String::new()),
        Outcome::Options { allow, route } => ("options", route.name.to_owned(), text(allow)),
        Outcome::MethodNotAllowed { allow, .. } => ("not allowed", String::new(), text(allow)),
        Outcome::NotFound => ("not found", String::new(), String::new()),
    }
}

const HEADERS: [HeaderName; 2] = [HeaderName::from_static("x-a"), HeaderName::from_static("x-b")];
const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS];

fn a_pattern() -> impl Strategy<Value = PathPattern> {
    let segments = proptest::collection::vec(select(&["a", "b", "{}"][..]), 0..4);
    (segments, select(&["", "/", "/{*rest}"][..])).prop_map(|(segments, end)| {
        let number =
            |(index, segment): (usize, &str)| format!("/{}", segment.replace("{}", &format!("{{p{index}}}")));
        let path: String = segments.into_iter().enumerate().map(number).collect();
        let text = if path.is_empty() && end.is_empty() { "/".to_owned() } else { path + end };
        text.parse().expect("a pattern")
    })
}

fn a_rule() -> impl Strategy<Value = Rule<()>> {
    let hosts = vec!["x.shop.example", "shop.example", "*.shop.example", "*.example"];
    let header = (select(HEADERS.to_vec()), select(&[None, Some("1"), Some("2")][..]));
    (
        proptest::collection::vec(a_pattern(), 1..3),
        subsequence(METHODS.to_vec(), 0..3),
        subsequence(hosts, 0..3),
        proptest::collection::vec(header, 0..3),
    )
        .prop_map(|(paths, methods, hosts, headers)| Rule {
            name: String::new(),
            paths,
            methods,
            hosts: hosts.into_iter().map(|host| host.parse().expect("a host")).collect(),
            headers: headers.into_iter().map(|(name, value)| (name, value.map(str::to_owned))).collect(),
            target: (),
        })
}

fn some_rules() -> impl Strategy<Value = Vec<Rule<()>>> {
    proptest::collection::vec(a_rule(), 0..12).prop_map(|rules| {
        let name = |(index, rule)| Rule { name: format!("r{index:02}"), ..rule };
        rules.into_iter().enumerate().map(name).collect()
    })
}

type RequestParts = (Option<&'static str>, String, Method, HeaderMap);

fn a_request() -> impl Strategy<Value = RequestParts> {
    let hosts =
        [None, Some("x.shop.example"), Some("shop.example"), Some("y.x.shop.example"), Some("other.org")];
    let segments = proptest::collection::vec(select(&["a", "b", "c"][..]), 1..5);
    let path = (segments, any::<bool>()).prop_map(|(segments, is_folder)| {
        format!("/{}{}", segments.join("/"), if is_folder { "/" } else { "" })
    });
    let path = prop_oneof![1 => Just("/".to_owned()), 9 => path];
    let header = (select(HEADERS.to_vec()), select(&["1", "2"][..]).prop_map(HeaderValue::from_static));
    let headers = proptest::collection::vec(header, 0..3).prop_map(HeaderMap::from_iter);
    (select(hosts.to_vec()), path, select(METHODS.to_vec()), headers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_table_answers_as_the_documented_order_does(
        rules in some_rules(),
        requests in proptest::collection::vec(a_request(), 1..8),
    ) {
        let router = Router::new(rules.clone());
        for (host, path, method, headers) in &requests {
            let request = Request { host: *host, path, method, headers };
            prop_assert_eq!(table_answer(&router, &request), answer(&rules, &request), "{:?}", request);
        }
    }
}
