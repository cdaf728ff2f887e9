//! The configuration as requests see it: compiled once, swapped whole, never changed.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::cors::Policy;
use super::limits::{RouteLimits, rules};
use super::route::Route;
use super::router::{Router, Rule};
use crate::config::{self, Settings, WhenStale};
use crate::domain::Terms;
use crate::error::{Error, Result};
use crate::identity::Authenticator;
use crate::telemetry::Tokens;
use crate::upstream::Pools;

/// One configuration, ready to decide.
#[derive(Debug)]
pub struct Snapshot {
    /// What it was compiled from.
    pub settings: Arc<Settings>,
    /// Who is believed under it.
    pub identity: Arc<Authenticator>,
    /// What sessions go by under it, where there are any.
    pub terms: Option<Arc<Terms>>,
    pub(super) router: Router<Arc<Route>>,
    pub(super) security: Vec<(HeaderName, HeaderValue)>,
    pub(super) hsts: Option<HeaderValue>,
    pub(super) hidden: Vec<HeaderName>,
}

impl Snapshot {
    /// Compiles checked settings.
    ///
    /// # Errors
    /// The settings name what does not exist or hold values no header may have; the configuration check
    /// refuses such settings before.
    pub fn compile(settings: Arc<Settings>, pools: &Pools) -> Result<Self> {
        let identity = Arc::new(Authenticator::new(&settings, Tokens::default())?);
        Self::compile_with(settings, pools, identity)
    }

    /// The same, with what is known of callers already.
    ///
    /// # Errors
    /// As [`Snapshot::compile`].
    pub fn compile_with(
        settings: Arc<Settings>,
        pools: &Pools,
        identity: Arc<Authenticator>,
    ) -> Result<Self> {
        let mut rules_of_routes = Vec::new();
        let limits = rules(&settings);
        for (name, route) in &settings.routes {
            let policy = match &route.cors {
                Some(cors) => Some(Arc::new(Policy::compile(lookup(&settings.cors, cors)?, &route.methods)?)),
                None => None,
            };
            let sensitive = sensitive(&settings, route);
            let route_limits = RouteLimits::compile(route, &limits)?;
            for pattern in route.path.iter() {
                let target =
                    Route::compile(name, pattern, route, pools, (identity.policy(), policy.clone()))?;
                rules_of_routes.push(Rule {
                    name: name.clone(),
                    paths: vec![pattern.clone()],
                    methods: route.methods.iter().map(|method| method.get().clone()).collect(),
                    hosts: route.hosts.clone(),
                    headers: (route.headers.iter())
                        .map(|wanted| (wanted.name.get().clone(), wanted.value.clone()))
                        .collect(),
                    target: Arc::new(Route { sensitive, limits: route_limits.clone(), ..target }),
                });
            }
        }
        Ok(Self {
            identity,
            terms: None,
            router: Router::new(rules_of_routes),
            security: security_headers(&settings.headers.csp)?,
            hsts: optional(&settings.headers.hsts)?,
            hidden: settings.headers.remove.iter().map(|name| name.get().clone()).collect(),
            settings,
        })
    }
}

impl Snapshot {
    /// The same with what sessions go by.
    #[must_use]
    pub fn with_terms(self, terms: Terms) -> Self {
        Self { terms: Some(Arc::new(terms)), ..self }
    }
}

/// After how long without news of revocations a route is refused, if ever.
fn sensitive(settings: &Settings, route: &config::Route) -> Option<Duration> {
    let rule = &settings.auth.revocation;
    let refuses = route.sensitive && rule.when_stale == WhenStale::Refuse;
    refuses.then(|| rule.max_staleness.get())
}

fn lookup<'a, T>(table: &'a std::collections::BTreeMap<String, T>, name: &str) -> Result<&'a T> {
    table.get(name).ok_or_else(|| Error::internal(format!("compile routes: there is no `{name}`")))
}

/// What every answer carries unless its backend says otherwise.
fn security_headers(csp: &str) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = vec![
        (http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (http::header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    ];
    headers.extend(optional(csp)?.map(|csp| (http::header::CONTENT_SECURITY_POLICY, csp)));
    Ok(headers)
}

fn optional(value: &str) -> Result<Option<HeaderValue>> {
    if value.is_empty() {
        return Ok(None);
    }
    let parsed = HeaderValue::from_str(value);
    parsed.map(Some).map_err(|error| Error::internal(format!("header value {value:?}")).caused_by(error))
}
