//! `/openapi.json`, and `/docs`, where people read it. All that a browser loads comes from here: no other host is asked,
//! and no script stands in the page itself, which its policy holds it to.

mod assets;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;

use self::assets::{Asset, assets};
use super::representation::known;
use crate::config::{Rest, Settings};
use crate::error::Error;
use crate::http::Problem;

/// What the pages may load: scripts and styles of this origin. Their icons are in the style sheet (`data:`).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Browsers ask again, and mostly learn that nothing changed.
const AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn router() -> Router {
    let mut router = Router::new().route("/openapi.json", get(describe).with_state(Latest::default()));
    match assets() {
        Ok(assets) => {
            for asset in assets {
                let paths: &[&str] = if asset.name.is_empty() { &["/docs", "/docs/"] } else { &[] };
                for path in paths.iter().map(|it| (*it).to_owned()).chain(named(&asset)) {
                    router = router.route(&path, get(serve).with_state(asset.clone()));
                }
            }
        }
        Err(error) => tracing::error!(%error, "the pages about the API are not served"),
    }
    router
}

/// The document that was sent last, with the settings it was made under.
type Latest = Arc<ArcSwapOption<(Rest, Bytes)>>;

async fn describe(
    State(latest): State<Latest>,
    Extension(settings): Extension<Arc<Settings>>,
) -> impl IntoResponse {
    let known = latest.load_full().filter(|known| known.0 == settings.rest);
    let known = known.unwrap_or_else(|| {
        let made = Bytes::from(super::openapi(&settings.rest));
        let made = Arc::new((settings.rest.clone(), made));
        latest.store(Some(made.clone()));
        made
    });
    ([(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, AGAIN)], known.1.clone())
}

fn named(asset: &Asset) -> Option<String> {
    (!asset.name.is_empty()).then(|| format!("/docs/{}", asset.name))
}

async fn serve(State(asset): State<Asset>, headers: HeaderMap) -> Response {
    let known = known(&headers, &asset.tag);
    let tag = HeaderValue::try_from(format!("\"{}\"", known.as_ref().unwrap_or(&asset.tag)));
    let common: [(HeaderName, HeaderValue); 5] = [
        // Letters, digits, points and hyphens in quotes are a value a header may have.
        (header::ETAG, tag.unwrap_or(HeaderValue::from_static("\"\""))),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
        (header::CACHE_CONTROL, AGAIN),
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    if known.is_some() {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let takes_it = headers.get_all(header::ACCEPT_ENCODING).iter().any(takes_gzip);
    if let Some(packed) = asset.packed().filter(|_| takes_it) {
        let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return (common, encoding, packed).into_response();
    }
    match asset.plain() {
        Ok(bytes) => (common, bytes).into_response(),
        Err(error) => Problem::from(Error::internal("unpack a page").caused_by(error)).into_response(),
    }
}

/// Whether an `Accept-Encoding` takes gzip by name: whoever says less gets what everybody understands.
fn takes_gzip(accepted: &HeaderValue) -> bool {
    let accepted = accepted.to_str().unwrap_or_default();
    accepted.split(',').any(|it| {
        let mut parts = it.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused =
            parts.any(|it| matches!(it.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        is_gzip && !is_refused
    })
}
