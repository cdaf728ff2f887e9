//! Header names that are not a route's to change, and values that cannot be sent.

use http::HeaderValue;

use crate::config::check::findings::Report;
use crate::config::settings::{HeaderEdits, Settings};
use crate::config::tree::at_key;
use crate::config::values::HeaderName;

/// They frame the message or concern one connection only (RFC 9110, section 7.6.1).
const CONNECTION_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    for (name, route) in &settings.routes {
        let path = at_key("routes", name);
        check_edits(&route.request, &at_key(&path, "request"), report);
        check_edits(&route.response, &at_key(&path, "response"), report);
        for (index, header) in route.headers.iter().enumerate() {
            let place = at_key(&report.element(&at_key(&path, "headers"), index), "value");
            check_value(header.value.as_deref().unwrap_or_default(), &place, report);
        }
    }
    let headers = &settings.headers;
    check_value(&headers.hsts, "headers.hsts", report);
    check_value(&headers.csp, "headers.csp", report);
    check_removed(&headers.remove, "headers", report);
}

fn check_edits(edits: &HeaderEdits, path: &str, report: &mut Report<'_>) {
    for (key, headers) in [("set", &edits.set), ("add", &edits.add)] {
        for (name, value) in headers {
            let place = at_key(&at_key(path, key), name.as_str());
            let is_host_of_request = key == "set" && name.as_str() == "host" && path.ends_with(".request");
            if !is_host_of_request {
                check_name(name, &place, report);
            }
            check_value(value, &place, report);
        }
    }
    check_removed(&edits.remove, path, report);
}

fn check_removed(names: &[HeaderName], path: &str, report: &mut Report<'_>) {
    for (index, name) in names.iter().enumerate() {
        let place = report.element(&at_key(path, "remove"), index);
        check_name(name, &place, report);
    }
}

fn check_name(name: &HeaderName, place: &str, report: &mut Report<'_>) {
    if name.as_str() == "host" {
        report.mistake(place, "`host` can only be changed by `request.set`");
    } else if CONNECTION_HEADERS.contains(&name.as_str()) {
        report.mistake(place, format!("`{name}` belongs to the connection and cannot be changed"));
    }
}

fn check_value(value: &str, place: &str, report: &mut Report<'_>) {
    if HeaderValue::from_str(value).is_err() {
        report.mistake(place, format!("cannot be sent as a header's value; found {value:?}"));
    }
}
