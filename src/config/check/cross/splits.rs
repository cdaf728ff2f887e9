//! Splits: shares of a route's requests for pools beside its own.

use std::collections::BTreeSet;

use super::routes::Section;
use crate::config::check::findings::Report;
use crate::config::settings::Route;
use crate::config::tree::{at_index, at_key};

pub(super) fn check<'s>(route: &'s Route, path: &str, upstreams: &mut Section<'s>, report: &mut Report<'_>) {
    let split = at_key(path, "split");
    if route.split.is_empty() {
        return;
    }
    if route.upstream.is_none() {
        report.mistake(&split, "only the requests of a route with `upstream` can be split");
    }
    let mut seen = BTreeSet::new();
    for (index, share) in route.split.iter().enumerate() {
        let place = at_key(&at_index(&split, index), "upstream");
        upstreams.check_reference(Some(&share.upstream), &place, report);
        if route.upstream.as_deref() == Some(&share.upstream) {
            report.mistake(&place, "the `upstream` of the route gets what the others leave; it has no share");
        } else if !seen.insert(&share.upstream) {
            report.mistake(&place, format!("`{}` has a share already", share.upstream));
        }
    }
    let total: f64 = route.split.iter().map(|share| share.percent).sum();
    if total > 100.0 {
        report.mistake(&split, format!("the shares are more than the whole: {total} percent"));
    }
}
