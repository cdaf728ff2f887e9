//! The REST API: what its routes need, and whether its pages fit together.

use crate::config::check::findings::Report;
use crate::config::settings::{Local, Settings};
use crate::config::tree::at_key;

/// Shorter, and a key would be forgotten while its request may still be served, in seconds.
const LEAST_TTL: u64 = 60;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let rest = &settings.rest;
    if rest.default_limit > rest.max_limit {
        let message = format!("is more than a page may have: `max_limit` is {}", rest.max_limit);
        report.mistake_given("rest.default_limit", &["rest.max_limit"], message);
    }
    let ttl = rest.idempotency_ttl;
    if ttl.get().as_secs() < LEAST_TTL {
        let message =
            format!("shorter than 1m, a key would be forgotten while its request is served; found {ttl}");
        report.mistake("rest.idempotency_ttl", message);
    }
    for (name, route) in &settings.routes {
        if route.local == Some(Local::Rest) && settings.auth.keys_dir.is_none() {
            let place = at_key(&at_key("routes", name), "local");
            let message = "needs keys to sign the cursors of lists with: set `keys_dir` in [auth]";
            report.mistake_given(&place, &["auth.keys_dir"], message);
        }
    }
}
