//! The database: what its addresses look like, and whether a route needs one.

use super::refuse_zero;
use crate::config::check::findings::Report;
use crate::config::settings::{Local, Settings};
use crate::config::tree::at_key;
use crate::config::values::{PemFile, Secret};

pub(super) fn check(settings: &Settings, report: &mut Report<'_>) {
    let Some(postgres) = &settings.postgres else { return check_need(settings, report) };
    let urls = [
        ("postgres.url", Some(&postgres.url)),
        ("postgres.session_url", postgres.session_url.as_ref()),
        ("postgres.owner_url", postgres.owner_url.as_ref()),
    ];
    for (path, url) in urls {
        if url.is_some_and(|url| !is_url(url)) {
            report.mistake(path, "must be like postgres://USER:PASSWORD@HOST:PORT/DATABASE");
        }
    }
    let times = [
        ("postgres.connect_timeout".to_owned(), postgres.connect_timeout),
        ("postgres.acquire_timeout".to_owned(), postgres.acquire_timeout),
        ("postgres.statement_timeout".to_owned(), postgres.statement_timeout),
    ];
    refuse_zero(report, &times);
    let ttl = settings.cache.as_ref().map(|cache| ("cache.ttl".to_owned(), cache.ttl));
    refuse_zero(report, ttl.as_slice());
    let authorities = postgres.tls.as_ref().and_then(|tls| tls.ca.as_ref()).map(PemFile::certificates);
    if let Some(Err(why)) = authorities {
        report.mistake("postgres.tls.ca", why);
    }
}

fn is_url(url: &Secret) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme))
}

/// Local routes that read or write the database cannot be without one.
fn check_need(settings: &Settings, report: &mut Report<'_>) {
    if settings.cache.is_some() {
        let message = "keeps what is read from a database: there is no [postgres]";
        report.mistake_given("cache", &["postgres"], message);
    }
    for (name, route) in &settings.routes {
        if route.local.is_some_and(Local::needs_postgres) {
            let place = at_key(&at_key("routes", name), "local");
            report.mistake_given(&place, &["postgres"], "needs a database: there is no [postgres]");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_by_their_scheme() {
        for (url, is_one) in [
            ("postgres://a@b/c", true),
            ("postgresql://a@b/c", true),
            ("host=b user=a", false),
            ("mysql://a@b/c", false),
        ] {
            assert_eq!(is_url(&url.parse().expect("a secret")), is_one, "{url}");
        }
    }
}
