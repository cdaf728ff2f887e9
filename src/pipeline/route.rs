//! A route as requests see it: who answers, and what is changed on the way there and back.

use std::sync::Arc;
use std::time::Duration;

use super::cors::Policy;
use super::edits::Edits;
use super::limits::RouteLimits;
use super::rewrite::Rewrite;
use super::split::Split;
use crate::config::{self, Auth, IdentityForm, Local, PathPattern};
use crate::error::{Error, Result};
use crate::identity::{self, Demand};
use crate::upstream::Pools;

/// One pattern of a configured route.
#[derive(Debug)]
pub struct Route {
    /// The route's name in the configuration.
    pub name: Arc<str>,
    /// The pattern, for metrics.
    pub pattern: Arc<str>,
    /// Who answers.
    pub target: Target,
    /// Largest request body, in bytes.
    pub max_body: u64,
    /// All tries together, to the head of the answer.
    pub response_timeout: Duration,
    /// The whole request, to the end of its answer, if that is limited.
    pub max_duration: Option<Duration>,
    /// Who may call.
    pub(super) auth: Auth,
    /// Whether it is refused while a revocation may be missing, and after how long that is so.
    pub(super) sensitive: Option<Duration>,
    /// Whether API keys are taken.
    pub(super) takes_keys: bool,
    /// How a backend is told who calls.
    pub(super) identity: IdentityForm,
    /// What is demanded of callers besides a token.
    pub(super) demand: Option<Demand>,
    pub(super) rewrite: Rewrite,
    pub(super) request: Edits,
    pub(super) response: Edits,
    pub(super) cors: Option<Arc<Policy>>,
    pub(super) limits: RouteLimits,
}

/// Who answers a request.
#[derive(Debug, Clone)]
pub enum Target {
    /// A backend of one of these pools.
    Proxy(Split),
    /// A part of the gateway.
    Local(Local),
}

impl Route {
    pub(super) fn compile(
        name: &str,
        pattern: &PathPattern,
        settings: &config::Route,
        pools: &Pools,
        (authority, cors): (&identity::Policy, Option<Arc<Policy>>),
    ) -> Result<Self> {
        Ok(Self {
            name: name.into(),
            pattern: pattern.as_str().into(),
            target: target(name, settings, pools)?,
            max_body: settings.max_body.bytes(),
            response_timeout: settings.response_timeout.get(),
            max_duration: settings.max_duration.get(),
            auth: settings.auth.word(),
            sensitive: None,
            takes_keys: settings.api_keys,
            identity: settings.identity,
            demand: settings.auth.demands().map(|demands| authority.demand(demands)),
            rewrite: Rewrite::new(settings),
            request: Edits::compile(&settings.request)?,
            response: Edits::compile(&settings.response)?,
            cors,
            limits: RouteLimits::default(),
        })
    }
}

fn target(name: &str, settings: &config::Route, pools: &Pools) -> Result<Target> {
    match (&settings.upstream, settings.local) {
        (Some(upstream), None) => match pools.get(upstream) {
            Some(pool) => Split::compile(pool, settings, pools).map(Target::Proxy),
            None => Err(Error::internal(format!("route `{name}`: there is no upstream `{upstream}`"))),
        },
        (None, Some(local)) => Ok(Target::Local(local)),
        (Some(_), Some(_)) | (None, None) => {
            Err(Error::internal(format!("route `{name}`: exactly one of upstream and local answers it")))
        }
    }
}
