//! Routes: who answers, what they refer to, who may call and how long it may take.

use std::collections::{BTreeMap, BTreeSet};

use super::{commerce, demands, prefixes, refuse_zero, repeats, sessions, splits};
use crate::config::check::findings::Report;
use crate::config::check::words::propose;
use crate::config::policy::Known;
use crate::config::settings::{Route, Settings, Upstream};
use crate::config::tree::at_key;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let mut upstreams = Section::new("upstreams", settings.upstreams.keys(), report);
    let mut policies = Section::new("cors", settings.cors.keys(), report);
    let known = Known::of(&settings.policy);
    let mut limits = Section::new("limits", settings.limits.keys(), report);
    for (name, route) in &settings.routes {
        let path = at_key("routes", name);
        check_answerer(settings, route, &path, report);
        upstreams.check_reference(route.upstream.as_deref(), &at_key(&path, "upstream"), report);
        splits::check(route, &path, &mut upstreams, report);
        policies.check_reference(route.cors.as_deref(), &at_key(&path, "cors"), report);
        for (index, limit) in route.limits.iter().enumerate() {
            let place = report.element(&at_key(&path, "limits"), index);
            limits.check_reference(Some(limit), &place, report);
        }
        repeats::check(route, &path, report);
        prefixes::check(route, &path, report);
        check_times(route, &path, report);
        if let Some(demands) = route.auth.demands() {
            demands::check(demands, &at_key(&path, "auth"), (&known, report));
        }
    }
    sessions::check(settings, &mut upstreams, report);
    commerce::check(settings, &mut upstreams, report);
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
            for name in route.split.iter().map(|share| &share.upstream).chain([name]) {
                if let Some(pool) = settings.upstreams.get(name) {
                    check_patience(route, pool, name, path, report);
                }
            }
        }
    }
}

fn check_times(route: &Route, path: &str, report: &mut Report<'_>) {
    let (response, whole) = (at_key(path, "response_timeout"), at_key(path, "max_duration"));
    refuse_zero(report, &[(response.clone(), route.response_timeout)]);
    let Some(limit) = route.max_duration.period() else { return };
    refuse_zero(report, &[(whole.clone(), limit)]);
    // A local route waits for no answer of a backend.
    if route.upstream.is_some() && limit < route.response_timeout && !limit.is_zero() {
        let message = format!(
            "{limit} is shorter than the head of the answer may take: `response_timeout` is {}",
            route.response_timeout
        );
        report.mistake_given(&whole, &[&response], message);
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

/// The names in a section of the file, those set aside too, and what is near to names that are not in it.
pub(super) struct Section<'s> {
    name: &'static str,
    known: BTreeSet<String>,
    /// Many routes may name the same wrong thing; to look for what is near to it takes long.
    proposals: BTreeMap<&'s str, String>,
}

impl<'s> Section<'s> {
    fn new<'k>(name: &'static str, known: impl Iterator<Item = &'k String>, report: &Report<'_>) -> Self {
        let known = known.cloned().chain(report.names_set_aside(name)).collect();
        Self { name, known, proposals: BTreeMap::new() }
    }

    /// Whether the name that a key of a route refers to is one of the section's.
    pub(super) fn check_reference(&mut self, name: Option<&'s str>, place: &str, report: &mut Report<'_>) {
        let Some(name) = name.filter(|name| !self.known.contains(*name)) else { return };
        let proposal = self
            .proposals
            .entry(name)
            .or_insert_with(|| propose(name, &self.known.iter().map(String::as_str).collect::<Vec<_>>()));
        let section = at_key(self.name, name);
        report.mistake_given(place, &[&section], format!("there is no [{section}]{proposal}"));
    }
}
