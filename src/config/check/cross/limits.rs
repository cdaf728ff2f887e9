//! Limits and Redis: names that can stand in a header, costs that can ever be met, what sentinels need.

use std::collections::BTreeMap;

use super::refuse_zero;
use crate::config::check::findings::Report;
use crate::config::settings::{Redis, RedisMode, Route, Settings};
use crate::config::tree::at_key;

/// Seconds a key may be remembered at most: a year.
const LONGEST: u64 = 366 * 86_400;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (name, limit) in &settings.limits {
        let path = at_key("limits", name);
        if !is_plain(name) {
            let message = "clients see the name in `RateLimit`: letters, digits, `-`, `_` and `.` only";
            report.mistake(&path, message);
        }
        let mut seen = BTreeMap::new();
        for (index, key) in limit.key.iter().enumerate() {
            let place = report.element(&at_key(&path, "key"), index);
            if let Some(first) = seen.insert(key.to_string(), place.clone()) {
                report.mistake(&place, format!("`{key}` is `{first}` already"));
            }
        }
        if limit.rate.interval().as_secs_f64() * limit.burst() as f64 > LONGEST as f64 {
            let message = "would take more than a year to be there again at this `rate`";
            report.mistake_given(&at_key(&path, "burst"), &[&at_key(&path, "rate")], message);
        }
        if u64::from(limit.cost) > limit.burst() {
            let (cost, burst) = (at_key(&path, "cost"), at_key(&path, "burst"));
            let message = never_met(limit.cost, limit.burst());
            report.mistake_given(&cost, &[&burst, &at_key(&path, "rate")], message);
        }
    }
    for (name, route) in &settings.routes {
        check_route(settings, route, &at_key("routes", name), report);
    }
    if let Some(redis) = &settings.redis {
        check_redis(redis, report);
    }
}

fn check_route(settings: &Settings, route: &Route, path: &str, report: &mut Report<'_>) {
    let (limits, cost) = (at_key(path, "limits"), at_key(path, "limit_cost"));
    for (index, name) in route.limits.iter().enumerate() {
        if route.limits.iter().take(index).any(|earlier| earlier == name) {
            report.mistake(&report.element(&limits, index), format!("`{name}` is named twice"));
        }
    }
    let Some(wanted) = route.limit_cost else { return };
    if route.limits.is_empty() {
        report.mistake_given(&cost, &[&limits], "the route has no `limits` that it could be taken of");
    }
    let named = route.limits.iter().filter_map(|name| Some((name, settings.limits.get(name)?)));
    for (name, limit) in named.filter(|(_, limit)| u64::from(wanted) > limit.burst()) {
        let cause = at_key("limits", name);
        let message = format!("{} in [{cause}]", never_met(wanted, limit.burst()));
        report.mistake_given(&cost, &[&limits, &cause], message);
    }
}

fn never_met(cost: u32, burst: u64) -> String {
    format!("{cost} would never be admitted: it is more than `burst`, which is {burst}")
}

fn check_redis(redis: &Redis, report: &mut Report<'_>) {
    refuse_zero(report, &[("redis.command_timeout".to_owned(), redis.command_timeout)]);
    match (redis.mode, &redis.master) {
        (RedisMode::Sentinel, None) => {
            let message = "sentinels are asked for a primary by its name: set `master`";
            report.mistake_given("redis.mode", &["redis.master"], message);
        }
        (RedisMode::Single | RedisMode::Cluster, Some(_)) => {
            let message = "only sentinels know a primary by its name: `mode` is not \"sentinel\"";
            report.mistake_given("redis.master", &["redis.mode"], message);
        }
        (RedisMode::Sentinel, Some(_)) | (RedisMode::Single | RedisMode::Cluster, None) => {}
    }
    if redis.mode == RedisMode::Single && redis.urls.len() > 1 {
        let message = "one server is used; for more of them `mode` is \"sentinel\" or \"cluster\"";
        report.mistake_given("redis.urls", &["redis.mode"], message);
    }
    if redis.username.is_some() && redis.password.is_none() {
        let causes = ["redis.password", "redis.password_file"];
        report.mistake_given("redis.username", &causes, "there is no password: set `password_file`");
    }
    if let Some(Err(why)) = redis.tls.as_ref().and_then(|tls| tls.ca.as_ref()).map(super::tls::authorities) {
        report.mistake("redis.tls.ca", why);
    }
}

/// Whether it can stand in a structured field and a key as it is.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
