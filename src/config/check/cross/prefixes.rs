//! What a route takes off and puts in front of the path it forwards.

use crate::config::check::findings::Report;
use crate::config::settings::Route;
use crate::config::tree::at_key;
use crate::config::values::{PathPattern, Segment};

pub(super) fn check(route: &Route, path: &str, report: &mut Report<'_>) {
    for (key, prefix) in [("strip_prefix", &route.strip_prefix), ("add_prefix", &route.add_prefix)] {
        let Some(prefix) = prefix else { continue };
        let place = at_key(path, key);
        if route.local.is_some() {
            report.mistake_given(
                &place,
                &[&at_key(path, "local")],
                "only a route with `upstream` forwards a path",
            );
        } else if !is_prefix(prefix) {
            let message = format!("a prefix starts with `/` and does not end with it; found {prefix:?}");
            report.mistake(&place, message);
        }
    }
    let Some(prefix) = route.strip_prefix.as_deref().filter(|prefix| is_prefix(prefix)) else { return };
    if let Some(pattern) = route.path.iter().find(|pattern| !begins_with(pattern, prefix)) {
        let message =
            format!("not what every request begins with: path `{pattern}` does not begin with `{prefix}`");
        report.mistake_given(&at_key(path, "strip_prefix"), &[&at_key(path, "path")], message);
    }
}

fn is_prefix(text: &str) -> bool {
    let is_path = text
        .parse::<PathPattern>()
        .is_ok_and(|pattern| pattern.segments().iter().all(|segment| matches!(segment, Segment::Literal(_))));
    is_path && !text.ends_with('/')
}

/// Whether the literal segments at the front of a pattern begin with those of the prefix.
fn begins_with(pattern: &PathPattern, prefix: &str) -> bool {
    let mut segments = pattern.segments().iter();
    prefix
        .split('/')
        .skip(1)
        .all(|wanted| matches!(segments.next(), Some(Segment::Literal(text)) if text == wanted))
}
