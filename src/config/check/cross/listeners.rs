//! Listeners, the operators' side, and the process.

use std::net::SocketAddr;

use super::{certificates, refuse_zero};
use crate::config::check::findings::Report;
use crate::config::settings::Settings;
use crate::config::tree::at_key;
use crate::config::values::Secret;

/// The least number of characters of a token: 64 bits when they are hex digits.
const SHORTEST_TOKEN: usize = 16;

/// Sizes a head may be limited to: below, requests of ordinary browsers would be refused; above, Pingora refuses.
const HEADS: std::ops::RangeInclusive<u64> = 1 << 10..=1023 << 10;

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    if settings.listeners.is_empty() {
        report.mistake(
            "listeners",
            "there is no listener, so nobody could connect; add [listeners.public] with an `address`",
        );
    }
    check_addresses(settings, report);
    if settings.admin.listen.is_some() && settings.admin.token.is_none() {
        let message = "the admin API needs a token; set `admin.token_file` or OLYMPUS__ADMIN__TOKEN";
        report.mistake_given("admin.listen", &["admin.token", "admin.token_file"], message);
    }
    let is_short = |token: &Secret| token.expose().chars().count() < SHORTEST_TOKEN;
    if settings.admin.token.as_ref().is_some_and(is_short) {
        let message = format!("is shorter than {SHORTEST_TOKEN} characters, so it could be guessed");
        report.mistake("admin.token", message);
    }
    let timeouts = &settings.server.timeouts;
    let named = [("header", timeouts.header), ("idle", timeouts.idle), ("body_idle", timeouts.body_idle)];
    refuse_zero(report, &named.map(|(key, period)| (at_key("server.timeouts", key), period)));
    if timeouts.idle.get().subsec_nanos() > 0 {
        report.mistake("server.timeouts.idle", format!("whole seconds only; found {}", timeouts.idle));
    }
    check_limits(settings, report);
}

fn check_limits(settings: &Settings, report: &mut Report<'_>) {
    let size = settings.server.limits.header_bytes;
    if !HEADS.contains(&size.bytes()) {
        let message = format!("must be from 1kb to 1023kb; found {size}");
        report.mistake("server.limits.header_bytes", message);
    }
    for (name, listener) in &settings.listeners {
        let path = at_key("listeners", name);
        if let Some(tls) = &listener.tls {
            certificates::check(tls, &at_key(&path, "tls"), report);
        }
        let (one, all) = (at_key(&path, "max_connections_per_ip"), at_key(&path, "max_connections"));
        // Of defaults, the larger gives way; only what was written can contradict itself.
        if report.is_written(&one) && listener.max_connections_per_ip > listener.max_connections {
            let message =
                format!("one address may not have more than all: {all} is {}", listener.max_connections);
            report.mistake_given(&one, &[&all], message);
        }
    }
}

/// No two sockets may be bound to one address.
fn check_addresses(settings: &Settings, report: &mut Report<'_>) {
    let listeners = settings.listeners.iter();
    let mut sockets: Vec<_> = listeners
        .map(|(name, listener)| (at_key(&at_key("listeners", name), "address"), listener.address))
        .collect();
    let admin = &settings.admin;
    let operators = [("admin.listen", admin.listen), ("admin.metrics_listen", admin.metrics_listen)];
    sockets.extend(operators.into_iter().filter_map(|(path, address)| Some((path.to_owned(), address?))));
    for (index, (path, address)) in sockets.iter().enumerate() {
        let earlier = sockets.iter().take(index).find(|(_, other)| collide(*address, *other));
        if let Some((other, taken)) = earlier {
            report.mistake_given(path, &[other], format!("{address} collides with `{other}` at {taken}"));
        }
    }
}

/// The same port on the same address, or on all addresses of a family. Port 0 is a free port, each time another.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let is_everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || is_everywhere)
}
