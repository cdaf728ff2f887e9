//! Routes that no request can tell apart: one of them could never be chosen.
//!
//! Routes are looked up by what they ask for instead of compared in pairs, so that the time grows with the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use crate::config::check::findings::Report;
use crate::config::settings::{Route, Settings};
use crate::config::tree::at_key;
use crate::config::values::{HostPattern, Method, PathPattern, Segment};

/// The keys that say which requests a route serves.
const CONDITIONS: [&str; 4] = ["path", "hosts", "methods", "headers"];

/// Two routes collide when a path, a host and a method are common to both and they ask for the same headers:
/// then neither is more specific than the other.
///
/// Each route is held against the first that serves a request, not against every other: a hundred routes of
/// one path are a hundred mistakes, not five thousand.
pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let mut claims = Claims::default();
    for (name, route) in &settings.routes {
        let path = at_key("routes", name);
        if CONDITIONS.iter().any(|key| report.is_doubtful(&at_key(&path, key))) {
            continue;
        }
        for (other, pattern) in claims.enter(name, route) {
            let Some(first) = settings.routes.get(other) else { continue };
            let other = at_key("routes", other);
            let message = format!(
                "{}`{pattern}` is served by `{other}` ({}) too, and nothing tells the two routes apart",
                shared_methods(&route.methods, &first.methods),
                report.place(&other)
            );
            report.mistake(&at_key(&path, "path"), message);
        }
    }
}

/// Which route was the first to serve what.
#[derive(Default)]
struct Claims<'s> {
    shapes: Numbers<Vec<Option<&'s str>>>,
    hosts: Numbers<Option<&'s HostPattern>>,
    headers: Numbers<BTreeSet<(&'s str, Option<&'s str>)>>,
    /// By shape, host and headers: each method, or `None` for all of them, with its first route.
    first: HashMap<[usize; 3], Vec<(Option<&'s Method>, &'s str)>>,
}

impl<'s> Claims<'s> {
    /// Enters what a route serves. The routes that serve some of it already come back, each with a common path.
    fn enter(&mut self, name: &'s str, route: &'s Route) -> BTreeMap<&'s str, &'s PathPattern> {
        let mut taken = BTreeMap::new();
        let headers = self.headers.of(headers(route));
        let hosts: Vec<_> = or_all(&route.hosts).map(|host| self.hosts.of(host)).collect();
        for pattern in route.path.iter() {
            let shape = self.shapes.of(shape(pattern));
            for host in &hosts {
                let first = self.first.entry([shape, *host, headers]).or_default();
                for method in or_all(&route.methods) {
                    match first.iter().find(|(claimed, _)| *claimed == method) {
                        None => first.push((method, name)),
                        Some((_, other)) if *other == name => {}
                        Some((_, other)) => _ = taken.entry(*other).or_insert(pattern),
                    }
                }
            }
        }
        taken
    }
}

/// Numbers equal values alike, so that they compare as fast as numbers.
struct Numbers<T>(HashMap<T, usize>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Eq + Hash> Numbers<T> {
    fn of(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }
}

/// The members of a list, or one `None` that stands for everything when it is empty.
fn or_all<T>(list: &[T]) -> impl Iterator<Item = Option<&T>> {
    list.iter().map(Some).chain(list.is_empty().then_some(None))
}

/// The pattern without the names of its parameters.
pub(super) fn shape(pattern: &PathPattern) -> Vec<Option<&str>> {
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

fn headers(route: &Route) -> BTreeSet<(&str, Option<&str>)> {
    route.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref())).collect()
}

/// The methods common to both, to begin a sentence with; empty when both serve all.
fn shared_methods(one: &[Method], other: &[Method]) -> String {
    let common: Vec<_> = one.iter().filter(|method| other.contains(method)).map(Method::as_str).collect();
    if common.is_empty() { String::new() } else { format!("{} ", common.join(", ")) }
}
