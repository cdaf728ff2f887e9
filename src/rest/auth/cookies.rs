//! Tokens as cookies: for browsers, where the configuration has them and a login asks for them.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::SameSite;
use crate::domain::Pair;
use crate::error::Error;
use crate::error::Result;
use crate::http::{ACCESS_COOKIE, REFRESH_COOKIE};

/// The headers that keep a pair in a browser.
pub(super) fn keep(pair: &Pair, same_site: SameSite) -> Result<HeaderMap> {
    lines(
        [
            (ACCESS_COOKIE, pair.access.as_str(), pair.expires_in),
            (REFRESH_COOKIE, pair.refresh.expose(), pair.refresh_expires_in),
        ],
        same_site,
    )
}

/// The headers that make a browser forget its tokens.
pub(super) fn forget(same_site: SameSite) -> Result<HeaderMap> {
    lines([(ACCESS_COOKIE, "", 0), (REFRESH_COOKIE, "", 0)], same_site)
}

fn lines(cookies: [(&str, &str, i64); 2], same_site: SameSite) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value, age) in cookies {
        let site = same_site.as_str();
        let line = format!("{name}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite={site}");
        let odd = |error| Error::internal("write a cookie").caused_by(error);
        let mut line = HeaderValue::try_from(line).map_err(odd)?;
        line.set_sensitive(true);
        headers.append(header::SET_COOKIE, line);
    }
    Ok(headers)
}
