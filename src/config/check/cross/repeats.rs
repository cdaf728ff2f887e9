//! What one route names twice.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::overlaps::shape;
use crate::config::check::findings::Report;
use crate::config::settings::{Paths, Route};
use crate::config::tree::at_key;
use crate::config::values::{HostPattern, Method};

pub(super) fn check(route: &Route, path: &str, report: &mut Report<'_>) {
    check_list(("method", &route.methods, Method::as_str), &at_key(path, "methods"), report);
    check_list(("host", &route.hosts, HostPattern::clone), &at_key(path, "hosts"), report);
    match &route.path {
        Paths::One(_) => {}
        // Two paths are the same when only the names of their parameters differ.
        Paths::Many(patterns) => check_list(("path", patterns, shape), &at_key(path, "path"), report),
    }
}

/// Reports each member of a list that means the same as one before it.
fn check_list<'l, T: Display, K: Ord>(
    (noun, list, meaning): (&str, &'l [T], impl Fn(&'l T) -> K),
    place: &str,
    report: &mut Report<'_>,
) {
    let mut seen = BTreeSet::new();
    for (index, member) in list.iter().enumerate() {
        if !seen.insert(meaning(member)) {
            let element = report.element(place, index);
            report.mistake(&element, format!("{noun} `{member}` is named twice"));
        }
    }
}
