//! Sessions: what routes that log people in need, and whether their times make sense.

use super::refuse_zero;
use super::routes::Section;
use crate::config::check::findings::Report;
use crate::config::settings::{Local, Protocol, Settings};
use crate::config::tree::at_key;

/// Longest grace, in seconds: within it a stolen token of the same device is not noticed.
const MOST_GRACE: u64 = 60;

pub(super) fn check<'s>(settings: &'s Settings, upstreams: &mut Section<'s>, report: &mut Report<'_>) {
    let auth = &settings.auth;
    refuse_zero(report, &[("auth.refresh_ttl".to_owned(), auth.refresh_ttl)]);
    if auth.refresh_ttl < auth.access_ttl && !auth.refresh_ttl.is_zero() {
        let message = format!(
            "{} is shorter than the tokens it renews: `access_ttl` is {}",
            auth.refresh_ttl, auth.access_ttl
        );
        report.mistake_given("auth.refresh_ttl", &["auth.access_ttl"], message);
    }
    if auth.refresh_grace.get().as_secs() > MOST_GRACE {
        let message = format!("longer than 1m would hide stolen tokens; found {}", auth.refresh_grace);
        report.mistake("auth.refresh_grace", message);
    }
    check_backend(settings, upstreams, report);
    for (name, route) in &settings.routes {
        if route.local == Some(Local::Auth) {
            check_need(settings, &at_key(&at_key("routes", name), "local"), report);
        }
    }
}

fn check_backend<'s>(settings: &'s Settings, upstreams: &mut Section<'s>, report: &mut Report<'_>) {
    let Some(backend) = &settings.backends.auth else { return };
    let place = "backends.auth.upstream";
    upstreams.check_reference(Some(&backend.upstream), place, report);
    refuse_zero(report, &[("backends.auth.timeout".to_owned(), backend.timeout)]);
    let speaks_h2 = |name: &str| settings.upstreams.get(name).is_some_and(|it| it.protocol == Protocol::H2);
    if speaks_h2(&backend.upstream) {
        let cause = at_key(&at_key("upstreams", &backend.upstream), "protocol");
        report.mistake_given(
            place,
            &[&cause],
            "the gateway's own calls speak HTTP/1.1, or what TLS agrees on",
        );
    }
}

/// Sessions are kept in the database, and their tokens signed here once the auth service has said whose they are.
fn check_need(settings: &Settings, place: &str, report: &mut Report<'_>) {
    if settings.backends.auth.is_none() {
        report.mistake_given(
            place,
            &["backends.auth"],
            "needs somebody who checks passwords: there is no [backends.auth]",
        );
    }
    if settings.auth.keys_dir.is_none() {
        report.mistake_given(
            place,
            &["auth.keys_dir"],
            "needs keys to sign tokens with: set `keys_dir` in [auth]",
        );
    }
}
