//! What `docs/routing.md` promises, case by case.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Outcome, Request, Router, Rule};
use crate::config::PathPattern;

/// A rule whose target is its own name.
fn rule(name: &str, paths: &[&str]) -> Rule<String> {
    Rule {
        name: name.to_owned(),
        paths: paths.iter().map(|path| path.parse::<PathPattern>().expect("a pattern")).collect(),
        methods: Vec::new(),
        hosts: Vec::new(),
        headers: Vec::new(),
        target: name.to_owned(),
    }
}

impl Rule<String> {
    fn on(self, methods: &[&str]) -> Self {
        let parse = |method: &&str| method.parse().expect("a method");
        Self { methods: methods.iter().map(parse).collect(), ..self }
    }

    fn at(self, hosts: &[&str]) -> Self {
        Self { hosts: hosts.iter().map(|host| host.parse().expect("a host")).collect(), ..self }
    }

    fn given(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.map(str::to_owned)));
        self
    }
}

/// What the router makes of `METHOD host/path`, in one line: the route's name, or what happens instead.
fn outcome(router: &Router<String>, request: &str, headers: &[(&'static str, &'static str)]) -> String {
    let (method, url) = request.split_once(' ').expect("a method and a URL");
    let slash = url.find('/').expect("a path");
    let (host, path) = url.split_at(slash);
    let method: Method = method.parse().expect("a method");
    let header = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let headers: HeaderMap = headers.iter().map(header).collect();
    match router.route(&Request { host: Some(host), path, method: &method, headers: &headers }) {
        Outcome::Found(found) => {
            let captures = found.captures.iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", found.target, captures.collect::<String>())
        }
        Outcome::Options { allow, route } => format!("options of {}: {}", route.name, text(&allow)),
        Outcome::MethodNotAllowed { allow, .. } => format!("only {}", text(&allow)),
        Outcome::NotFound => "not found".to_owned(),
    }
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().expect("text")
}

#[track_caller]
fn check(rules: Vec<Rule<String>>, cases: &[(&str, &str)]) {
    let router = Router::new(rules);
    for (request, expected) in cases {
        assert_eq!(outcome(&router, request, &[]), *expected, "{request}");
    }
}

#[test]
fn literal_beats_parameter_beats_rest_segment_by_segment() {
    check(
        vec![
            rule("rest", &["/users/{*rest}"]),
            rule("one", &["/users/{id}"]),
            rule("me", &["/users/me"]),
            rule("orders", &["/users/{id}/orders"]),
            rule("mine", &["/users/me/{what}"]),
        ],
        &[
            ("GET h/users/me", "me"),
            ("GET h/users/7", "one id=7"),
            ("GET h/users/me/orders", "mine what=orders"),
            ("GET h/users/7/orders", "orders id=7"),
            ("GET h/users/7/carts", "rest rest=7/carts"),
            ("GET h/users/me/orders/1", "rest rest=me/orders/1"),
        ],
    );
}

#[test]
fn a_rest_takes_one_empty_segment_but_not_none() {
    check(
        vec![rule("api", &["/api/{*rest}"])],
        &[
            ("GET h/api/", "api rest="),
            ("GET h/api/a/b/", "api rest=a/b/"),
            ("GET h/api", "not found"),
            ("GET h/apis", "not found"),
        ],
    );
}

#[test]
fn a_parameter_takes_one_segment_that_is_not_empty() {
    check(
        vec![rule("one", &["/a/{x}/{y}"])],
        &[("GET h/a/1/2", "one x=1 y=2"), ("GET h/a/1/", "not found"), ("GET h/a/1/2/3", "not found")],
    );
}

#[test]
fn a_trailing_slash_makes_another_path() {
    check(
        vec![rule("leaf", &["/a"]), rule("folder", &["/a/"]), rule("root", &["/"])],
        &[("GET h/a", "leaf"), ("GET h/a/", "folder"), ("GET h/", "root"), ("GET h/b/", "not found")],
    );
}

#[test]
fn host_decides_before_path() {
    check(
        vec![
            rule("any", &["/a/b"]),
            rule("wide", &["/a/{x}"]).at(&["*.example"]),
            rule("narrow", &["/{*rest}"]).at(&["*.shop.example"]),
            rule("exact", &["/{*rest}"]).at(&["eu.shop.example", "[::1]"]),
        ],
        &[
            ("GET eu.shop.example:8080/a/b", "exact rest=a/b"),
            ("GET [::1]:80/a/b", "exact rest=a/b"),
            ("GET US.Shop.Example./a/b", "narrow rest=a/b"),
            ("GET shop.example/a/b", "wide x=b"),
            ("GET shop.example/a/", "not found"),
            ("GET example/a/b", "any"),
            ("GET /a/b", "any"),
        ],
    );
}

#[test]
fn a_more_specific_route_that_fails_on_its_method_gives_way() {
    check(
        vec![
            rule("write", &["/a/b"]).on(&["POST"]),
            rule("read", &["/a/{x}"]).on(&["GET"]),
            rule("site", &["/{*rest}"]),
        ],
        &[
            ("POST h/a/b", "write"),
            ("GET h/a/b", "read x=b"),
            ("HEAD h/a/b", "read x=b"),
            ("DELETE h/a/b", "site rest=a/b"),
        ],
    );
}

#[test]
fn named_methods_beat_any_and_more_header_conditions_beat_fewer() {
    let rules = vec![
        rule("plain", &["/a"]),
        rule("present", &["/a"]).given("x-beta", None),
        rule("exact", &["/a"]).given("x-beta", Some("2")),
        rule("two", &["/a"]).given("x-beta", None).given("x-tester", None),
        rule("get", &["/a"]).on(&["GET"]),
    ];
    let router = Router::new(rules);
    let beta = |value| ("x-beta", value);
    for (request, headers, expected) in [
        ("POST h/a", &[][..], "plain"),
        ("POST h/a", &[beta("1")], "present"),
        ("POST h/a", &[beta("2")], "exact"),
        ("POST h/a", &[beta("1"), beta("2")], "exact"),
        ("POST h/a", &[beta("2"), ("x-tester", "")], "two"),
        ("GET h/a", &[beta("2")], "get"),
    ] {
        assert_eq!(outcome(&router, request, headers), expected, "{request} {headers:?}");
    }
}

#[test]
fn a_refused_method_is_told_all_that_are_served() {
    check(
        vec![
            rule("read", &["/a/{x}"]).on(&["GET", "PURGE"]),
            rule("write", &["/a/b"]).on(&["POST"]),
            rule("beta", &["/a/b"]).on(&["PUT"]).given("x-beta", None),
        ],
        &[
            ("DELETE h/a/b", "only GET, HEAD, OPTIONS, POST, PURGE"),
            ("POST h/a/c", "only GET, HEAD, OPTIONS, PURGE"),
            ("POST h/b", "not found"),
        ],
    );
}

#[test]
fn options_is_answered_for_the_most_specific_route() {
    check(
        vec![
            rule("orders", &["/orders"]).on(&["GET", "POST"]),
            rule("own", &["/own"]).on(&["OPTIONS"]),
            rule("all", &["/all"]),
            rule("site", &["/{*rest}"]),
        ],
        &[
            ("OPTIONS h/orders", "options of orders: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
            ("OPTIONS h/own", "own"),
            ("OPTIONS h/all", "all"),
            ("OPTIONS h/else", "site rest=else"),
        ],
    );
    check(
        vec![
            rule("read", &["/a"]).on(&["GET"]),
            rule("rest", &["/{*rest}"]).on(&["OPTIONS"]),
            rule("b", &["/x/b"]).on(&["POST"]).at(&["b"]),
        ],
        &[("OPTIONS h/a", "rest rest=a"), ("OPTIONS b/x/b", "rest rest=x/b")],
    );
    check(
        vec![rule("read", &["/a"]).on(&["GET"])],
        &[("OPTIONS h/a", "options of read: GET, HEAD, OPTIONS"), ("OPTIONS h/b", "not found")],
    );
}

#[test]
fn rules_alike_in_all_are_ordered_by_name() {
    check(vec![rule("b", &["/{x}"]), rule("a", &["/{y}"])], &[("GET h/1", "a y=1")]);
}

#[test]
fn a_request_without_host_or_path_finds_no_surprise() {
    let router = Router::new(vec![rule("any", &["/{*rest}"])]);
    let headers = HeaderMap::new();
    for (path, is_found) in [("/", true), ("*", false), ("", false)] {
        let request = Request { host: None, path, method: &Method::GET, headers: &headers };
        assert_eq!(matches!(router.route(&request), Outcome::Found(_)), is_found, "{path}");
    }
}

#[test]
fn captures_are_asked_by_name() {
    let router = Router::new(vec![rule("r", &["/t/{tenant}/f/{*file}"])]);
    let headers = HeaderMap::new();
    let request = Request { host: None, path: "/t/acme/f/a/b.txt", method: &Method::GET, headers: &headers };
    let Outcome::Found(found) = router.route(&request) else { panic!("no route") };
    assert_eq!(found.captures.get("tenant"), Some("acme"));
    assert_eq!(found.captures.get("file"), Some("a/b.txt"));
    assert_eq!(found.captures.get("other"), None);
    assert_eq!(found.pattern.as_str(), "/t/{tenant}/f/{*file}");
}
