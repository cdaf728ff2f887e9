//! Routes that no request can tell apart: one of them could never be chosen.

use std::collections::BTreeSet;

use crate::config::check::findings::Report;
use crate::config::settings::{Route, Settings};
use crate::config::tree::at_key;
use crate::config::values::{Method, PathPattern, Segment};

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (index, (name, route)) in settings.routes.iter().enumerate() {
        let place = at_key(&at_key("routes", name), "path");
        check_own_paths(route, &place, report);
        for (other_name, other) in settings.routes.iter().take(index) {
            check_pair((&at_key("routes", name), route), (&at_key("routes", other_name), other), report);
        }
    }
}

fn check_own_paths(route: &Route, place: &str, report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for pattern in route.path.iter() {
        if !seen.insert(shape(pattern)) {
            report.mistake(place, format!("path `{pattern}` is named twice"));
        }
    }
}

/// Two routes collide when a path, a host and a method are common to both and they ask for the same headers:
/// then neither is more specific than the other.
fn check_pair(one: (&str, &Route), other: (&str, &Route), report: &mut Report<'_>) {
    let ((path, route), (other_path, other)) = (one, other);
    let shapes: BTreeSet<_> = other.path.iter().map(shape).collect();
    let Some(pattern) = route.path.iter().find(|pattern| shapes.contains(&shape(pattern))) else { return };
    if !shares_host(route, other) || headers(route) != headers(other) {
        return;
    }
    let Some(methods) = shared_methods(&route.methods, &other.methods) else { return };
    let message = format!(
        "{methods}`{pattern}` is served by `{other_path}` ({}) too, and nothing tells the two routes apart",
        report.place(other_path)
    );
    let conditions = ["path", "hosts", "methods", "headers"];
    let causes: Vec<_> =
        [path, other_path].iter().flat_map(|path| conditions.map(|key| at_key(path, key))).collect();
    let causes: Vec<_> = causes.iter().map(String::as_str).collect();
    report.mistake_given(&at_key(path, "path"), &causes, message);
}

/// The pattern without the names of its parameters.
fn shape(pattern: &PathPattern) -> Vec<Option<&str>> {
    pattern.segments().iter().map(plain).collect()
}

fn plain(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Literal(text) => Some(text),
        Segment::Param(_) => None,
        // No literal contains a brace.
        Segment::Rest(_) => Some("{*}"),
    }
}

fn shares_host(route: &Route, other: &Route) -> bool {
    let both_take_all = route.hosts.is_empty() && other.hosts.is_empty();
    both_take_all || route.hosts.iter().any(|host| other.hosts.contains(host))
}

fn headers(route: &Route) -> BTreeSet<(&str, Option<&str>)> {
    route.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref())).collect()
}

/// The methods common to both, to begin a sentence with; `None` when one says something the other does not.
fn shared_methods(one: &[Method], other: &[Method]) -> Option<String> {
    if one.is_empty() && other.is_empty() {
        return Some(String::new());
    }
    let common: Vec<_> = one.iter().filter(|method| other.contains(method)).map(Method::as_str).collect();
    (!common.is_empty()).then(|| format!("{} ", common.join(", ")))
}
