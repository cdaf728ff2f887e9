//! Routes: who answers, what they refer to, who may call and how long it may take.

use super::{prefixes, refuse_zero};
use crate::config::check::findings::Report;
use crate::config::check::words::propose;
use crate::config::settings::{Auth, Route, Settings, Upstream};
use crate::config::tree::at_key;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (name, route) in &settings.routes {
        let path = at_key("routes", name);
        check_answerer(settings, route, &path, report);
        check_references(settings, route, &path, report);
        prefixes::check(route, &path, report);
        refuse_zero(report, &[(at_key(&path, "response_timeout"), route.response_timeout)]);
        if route.auth == Auth::Required {
            let message = "no issuer is configured, so no token could be checked; set `auth = \"none\"`";
            report.mistake(&at_key(&path, "auth"), message);
        }
    }
}

fn check_answerer(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let (upstream, local) = (at_key(path, "upstream"), at_key(path, "local"));
    match (&route.upstream, route.local) {
        (None, None) => {
            report.mistake_given(path, &[&upstream, &local], "nobody answers: set `upstream` or `local`")
        }
        (Some(_), Some(_)) => {
            report.mistake_given(&local, &[&upstream], "`upstream` and `local` exclude each other")
        }
        (None, Some(_)) => {}
        (Some(name), None) => {
            if let Some(pool) = settings.upstreams.get(name) {
                check_patience(route, pool, name, path, report);
            }
        }
    }
}

/// A route must wait for as long as the tries it asks for may take.
fn check_patience(route: &Route, pool: &Upstream, name: &str, path: &str, report: &mut Report<'_>) {
    let tries = pool.retry.max_retries.saturating_add(1);
    let needed = pool.try_timeout.get().saturating_mul(tries);
    if needed <= route.response_timeout.get() {
        return;
    }
    let message = format!(
        "{} is shorter than the tries of upstream `{name}` may take: {tries} of {}",
        route.response_timeout, pool.try_timeout
    );
    let upstream = at_key("upstreams", name);
    let causes = [at_key(&upstream, "try_timeout"), at_key(&at_key(&upstream, "retry"), "max_retries")];
    report.mistake_given(&at_key(path, "response_timeout"), &[&causes[0], &causes[1]], message);
}

fn check_references(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let upstreams = settings.upstreams.keys().cloned().collect();
    check_reference(("upstream", route.upstream.as_deref()), ("upstreams", upstreams), path, report);
    let policies = settings.cors.keys().cloned().collect();
    check_reference(("cors", route.cors.as_deref()), ("cors", policies), path, report);
}

/// Whether the name that a key of a route refers to is one of the section's.
fn check_reference(
    (key, name): (&str, Option<&str>),
    (section, mut known): (&str, Vec<String>),
    path: &str,
    report: &mut Report<'_>,
) {
    known.extend(report.names_set_aside(section));
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    if let Some(name) = name.filter(|name| !known.contains(name)) {
        let message = format!("there is no [{}]{}", at_key(section, name), propose(name, &known));
        report.mistake_given(&at_key(path, key), &[&at_key(section, name)], message);
    }
}
