//! Pools: their endpoints, their timeouts and their health checks.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::{refuse_zero, tls};
use crate::config::check::findings::Report;
use crate::config::settings::{Breaker, BreakerScope, Health, Outlier, Settings, Upstream};
use crate::config::tree::at_key;
use crate::config::values::Period;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (name, upstream) in &settings.upstreams {
        let path = at_key("upstreams", name);
        check_endpoints(upstream, &at_key(&path, "endpoints"), report);
        check_timeouts(upstream, &path, report);
        tls::check(upstream, &path, report);
        if let Some(health) = &upstream.health {
            check_health(health, &at_key(&path, "health"), report);
        }
        check_outlier(&upstream.outlier, upstream.health.is_some(), &path, report);
        check_breaker(&upstream.breaker, &at_key(&path, "breaker"), report);
    }
}

fn check_endpoints(upstream: &Upstream, path: &str, report: &mut Report<'_>) {
    if !upstream.endpoints.is_empty() && upstream.endpoints.iter().all(|endpoint| endpoint.weight == 0) {
        report.mistake(path, "every weight is 0, so no endpoint would be chosen");
    }
    let mut seen = BTreeMap::new();
    for (index, endpoint) in upstream.endpoints.iter().enumerate() {
        let place = at_key(&report.element(path, index), "address");
        if let Some(first) = seen.get(&endpoint.address) {
            let message =
                format!("{} is `{first}` already; for more traffic give it more `weight`", endpoint.address);
            report.mistake(&place, message);
        }
        seen.entry(&endpoint.address).or_insert_with(|| report.element(path, index));
    }
}

fn check_timeouts(upstream: &Upstream, path: &str, report: &mut Report<'_>) {
    let named = [
        ("connect_timeout", upstream.connect_timeout),
        ("try_timeout", upstream.try_timeout),
        ("idle_timeout", upstream.idle_timeout),
        ("keepalive_timeout", upstream.keepalive_timeout),
    ];
    refuse_zero(report, &named.map(|(key, period)| (at_key(path, key), period)));
    if upstream.connect_timeout > upstream.try_timeout && !upstream.try_timeout.is_zero() {
        let message = format!(
            "connecting may take {}, longer than the whole try: `try_timeout` is {}",
            upstream.connect_timeout, upstream.try_timeout
        );
        let (connect, whole) = (at_key(path, "connect_timeout"), at_key(path, "try_timeout"));
        let place = if report.is_written(&connect) { &connect } else { &whole };
        report.mistake_given(place, &[&connect, &whole], message);
    }
}

fn check_health(health: &Health, path: &str, report: &mut Report<'_>) {
    let (probe, tcp) = (at_key(path, "path"), at_key(path, "tcp"));
    match (&health.path, health.tcp) {
        (None, false) => report.mistake_given(path, &[&probe, &tcp], "needs either `path` or `tcp = true`"),
        (Some(_), true) => report.mistake_given(&tcp, &[&probe], "`path` and `tcp` exclude each other"),
        (Some(text), false) if !is_request_path(text) => {
            report.mistake(&probe, format!("a path starts with `/` and has no spaces; found {text:?}"));
        }
        (Some(_), false) | (None, true) => {}
    }
    let named = [
        ("interval", health.interval),
        ("unhealthy_interval", health.unhealthy_interval),
        ("timeout", health.timeout),
    ];
    refuse_zero(report, &named.map(|(key, period)| (at_key(path, key), period)));
    if health.timeout >= health.interval && !health.interval.is_zero() {
        let message = format!(
            "must be shorter than `interval`, which is {}; found {}",
            health.interval, health.timeout
        );
        report.mistake_given(&at_key(path, "timeout"), &[&at_key(path, "interval")], message);
    }
    let is_host =
        |host: &str| HeaderValue::from_str(host).is_ok() && host.parse::<http::uri::Authority>().is_ok();
    if let Some(host) = health.host.as_deref().filter(|host| !is_host(host)) {
        report.mistake(&at_key(path, "host"), format!("cannot be sent as `Host`; found {host:?}"));
    }
    check_expected_body(health, path, report);
}

fn check_expected_body(health: &Health, path: &str, report: &mut Report<'_>) {
    let key = at_key(path, "expect_body");
    match &health.expect_body {
        Some(_) if health.path.is_none() => {
            let message = "only a check that asks for a `path` is answered with a body";
            report.mistake_given(&key, &[&at_key(path, "path")], message);
        }
        Some(text) if text.is_empty() => report.mistake(&key, "every body contains the empty text"),
        Some(_) | None => {}
    }
}

fn check_outlier(outlier: &Outlier, has_checks: bool, upstream: &str, report: &mut Report<'_>) {
    let path = at_key(upstream, "outlier");
    refuse_zero(report, &[(at_key(&path, "base_ejection_time"), outlier.base_ejection_time)]);
    if outlier.uneject_on_check && !has_checks {
        let message = "no check is made: there is no `health` table";
        let health = at_key(upstream, "health");
        report.mistake_given(&at_key(&path, "uneject_on_check"), &[&health], message);
    }
}

fn check_breaker(breaker: &Breaker, path: &str, report: &mut Report<'_>) {
    if breaker.scope == BreakerScope::Off {
        return;
    }
    refuse_zero(report, &[(at_key(path, "open_for"), breaker.open_for)]);
    if breaker.window < Period::seconds(1) {
        let message =
            format!("too short to tell failures from chance: at least 1s; found {}", breaker.window);
        report.mistake(&at_key(path, "window"), message);
    }
}

fn is_request_path(text: &str) -> bool {
    text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok()
}
