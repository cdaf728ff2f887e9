//! What one setting says about another: references, order of timeouts, duplicates, what cannot be combined.
//! Each check reports through [`Report`], which knows the place and drops what follows from an earlier mistake.

mod auth;
mod certificates;
mod commerce;
mod cors;
mod demands;
mod headers;
mod limits;
mod listeners;
mod overlaps;
mod postgres;
mod prefixes;
mod repeats;
mod rest;
mod routes;
mod sessions;
mod splits;
mod telemetry;
mod tls;
mod upstreams;

use super::findings::{Findings, Report};
use crate::config::settings::Settings;
use crate::config::tree::Places;
use crate::config::values::Period;

/// Runs every check on the settings.
pub(in crate::config) fn check_settings(settings: &Settings, places: &Places, findings: &mut Findings) {
    let mut report = Report::new(findings, places);
    listeners::check(settings, &mut report);
    upstreams::check(settings, &mut report);
    postgres::check(settings, &mut report);
    routes::check(settings, &mut report);
    overlaps::check(settings, &mut report);
    auth::check(settings, &mut report);
    cors::check(settings, &mut report);
    limits::check(settings, &mut report);
    rest::check(settings, &mut report);
    headers::check(settings, &mut report);
    telemetry::check(settings, &mut report);
}

/// Reports each of the periods that is zero where zero makes no sense.
fn refuse_zero(report: &mut Report<'_>, periods: &[(String, Period)]) {
    for (path, period) in periods {
        if period.is_zero() {
            report.mistake(path, "must be longer than zero");
        }
    }
}
