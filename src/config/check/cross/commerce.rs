//! The service that keeps stock: whether it can be called, and whether routes that serve orders have it.

use super::refuse_zero;
use super::routes::Section;
use crate::config::check::findings::Report;
use crate::config::settings::{Local, Protocol, Settings};
use crate::config::tree::at_key;

/// What serves orders.
const ORDERS: &str = "/api/v1/orders";
/// How long goods may be held, in seconds.
const TTL: std::ops::RangeInclusive<u64> = 1..=24 * 3600;

pub(super) fn check<'s>(settings: &'s Settings, upstreams: &mut Section<'s>, report: &mut Report<'_>) {
    if let Some(backend) = &settings.backends.commerce {
        let place = "backends.commerce.upstream";
        upstreams.check_reference(Some(&backend.upstream), place, report);
        refuse_zero(report, &[("backends.commerce.timeout".to_owned(), backend.timeout)]);
        let ttl = backend.reservation_ttl;
        if !TTL.contains(&ttl.get().as_secs()) {
            report
                .mistake("backends.commerce.reservation_ttl", format!("must be from 1s to 24h; found {ttl}"));
        }
        let pool = settings.upstreams.get(&backend.upstream);
        if pool.is_some_and(|pool| pool.protocol == Protocol::H2) {
            let cause = at_key(&at_key("upstreams", &backend.upstream), "protocol");
            let message = "the gateway's own calls speak HTTP/1.1, or what TLS agrees on";
            report.mistake_given(place, &[&cause], message);
        }
        return;
    }
    for (name, route) in settings.routes.iter().filter(|(_, route)| route.local == Some(Local::Rest)) {
        if route.path.iter().any(|path| path.as_str().starts_with(ORDERS)) {
            let place = at_key(&at_key("routes", name), "path");
            let message = "orders need somebody who keeps stock: there is no [backends.commerce]";
            report.mistake_given(&place, &["backends.commerce"], message);
        }
    }
}
