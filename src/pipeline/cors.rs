//! The CORS protocol of the Fetch standard: preflights answered here, and the headers on actual answers.

use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::config::{self, Cors, Origin};
use crate::error::{Error, Result};

/// A cross-origin policy, compiled for the methods of one route.
#[derive(Debug)]
pub(super) struct Policy {
    origins: Vec<Origin>,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    with_credentials: bool,
    max_age: HeaderValue,
}

/// The method an actual request would have, if this request is a preflight.
pub(super) fn preflight_for(method: &Method, headers: &HeaderMap) -> Option<Method> {
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let is_preflight = *method == Method::OPTIONS && headers.contains_key(header::ORIGIN);
    is_preflight.then(|| Method::from_bytes(asked.as_bytes()).ok()).flatten()
}

impl Policy {
    pub(super) fn compile(settings: &Cors, route_methods: &[config::Method]) -> Result<Self> {
        let methods = if settings.methods.is_empty() { route_methods } else { &settings.methods };
        let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        let methods: Vec<&str> = match methods {
            [] => all.to_vec(),
            some => some.iter().map(config::Method::as_str).collect(),
        };
        Ok(Self {
            origins: settings.origins.clone(),
            methods: value(&methods.join(", "))?,
            headers: names(&settings.headers)?,
            expose: names(&settings.expose)?,
            with_credentials: settings.credentials,
            max_age: HeaderValue::from(settings.max_age.get().as_secs()),
        })
    }

    /// Headers of an actual answer. Replaces whatever CORS headers a backend set: the route decides.
    pub(super) fn finish(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            answer.remove(name);
        }
        if self.allow(origin, answer) {
            set(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.as_ref());
        }
    }

    /// Headers of the answer to a preflight. For an origin that is not allowed there are none, which
    /// a browser takes as a no.
    pub(super) fn preflight(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.allow(origin, answer) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            set(answer, header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.as_ref());
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
    }

    /// Whether the origin is allowed; if so the answer says it.
    fn allow(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) -> bool {
        let allows_any = self.origins.iter().any(Origin::is_any);
        if !allows_any {
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = origin else { return false };
        let text = origin.to_str().unwrap_or_default();
        if !self.origins.iter().any(|allowed| allowed.matches(text)) {
            return false;
        }
        let told = if allows_any { HeaderValue::from_static("*") } else { origin.clone() };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, told);
        if self.with_credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value.clone());
    }
}

fn names(names: &[config::HeaderName]) -> Result<Option<HeaderValue>> {
    let names: Vec<&str> = names.iter().map(config::HeaderName::as_str).collect();
    (!names.is_empty()).then(|| value(&names.join(", "))).transpose()
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|error| Error::internal(format!("header value {text:?}")).caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn policy(text: &str) -> Policy {
        Policy::compile(&toml::from_str(text).unwrap(), &[]).unwrap()
    }

    fn answer(policy: &Policy, origin: &'static str) -> HeaderMap {
        let mut answer = HeaderMap::new();
        policy.finish(Some(&HeaderValue::from_static(origin)), &mut answer);
        answer
    }

    #[test]
    fn an_allowed_origin_is_named_and_caches_are_told_it_varies() {
        let policy =
            policy("origins = ['https://shop.example']\ncredentials = true\nexpose = ['x-total-count']");
        let answer = answer(&policy, "https://shop.example");
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[header::ACCESS_CONTROL_EXPOSE_HEADERS], "x-total-count");
        assert_eq!(answer[header::VARY], "Origin");
    }

    #[test]
    fn another_origin_gets_nothing_but_vary() {
        let answer = answer(&policy("origins = ['https://shop.example']"), "https://evil.example");
        assert_eq!(answer.keys().collect::<Vec<_>>(), [header::VARY]);
    }

    #[test]
    fn any_origin_is_a_star_and_does_not_vary() {
        let answer = answer(&policy("origins = ['*']"), "https://evil.example");
        assert_eq!(answer[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer.contains_key(header::VARY));
    }

    #[test]
    fn only_options_with_origin_and_method_is_a_preflight() {
        let request = Request::builder().header("origin", "https://a.example");
        let request = request.header("access-control-request-method", "PUT").body(()).unwrap();
        assert_eq!(preflight_for(&Method::OPTIONS, request.headers()), Some(Method::PUT));
        assert_eq!(preflight_for(&Method::GET, request.headers()), None);
        assert_eq!(preflight_for(&Method::OPTIONS, &HeaderMap::new()), None);
    }
}
