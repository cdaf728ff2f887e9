//! Limits of a route: asked before and after the caller is known, told on every answer.
//!
//! Limits that count by address, header or route come before authentication, so that a flood of bad tokens is not
//! free; those that name the user or the tenant come after it. Where nobody is asked who he is, all come at once.

use std::sync::Arc;
use std::time::Instant;

use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::exchange::Exchange;
use crate::config::{self, Auth, Settings};
use crate::error::{Error, Kind, Result};
use crate::http::Problem;
use crate::identity::Caller;
use crate::limits::{Ask, Limiter, Rule, Standing, Subject};

/// What is left, per limit: draft-ietf-httpapi-ratelimit-headers-10.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// How much is admitted, per limit.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of one route.
#[derive(Debug, Clone, Default)]
pub(super) struct RouteLimits {
    on_arrival: Arc<[Arc<Rule>]>,
    of_callers: Arc<[Arc<Rule>]>,
    cost: Option<u64>,
}

/// When limits are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before anybody is asked who he is.
    Arrival,
    /// Once the caller is known.
    Known,
}

/// Who counts, and whether.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gate<'a> {
    /// Requests are counted.
    Counting(&'a Limiter),
    /// A question is only answered.
    Looking(&'a Limiter),
}

/// All limits of the configuration, by name.
pub(super) type Rules = std::collections::BTreeMap<String, Arc<Rule>>;

/// Compiles every limit once; routes share them.
pub(super) fn rules(settings: &Settings) -> Rules {
    let rule = |(name, limit): (&String, &config::Limit)| (name.clone(), Arc::new(Rule::new(name, limit)));
    settings.limits.iter().map(rule).collect()
}

impl RouteLimits {
    /// Those a route names.
    pub(super) fn compile(settings: &config::Route, rules: &Rules) -> Result<Self> {
        let (mut on_arrival, mut of_callers) = (Vec::new(), Vec::new());
        for name in &settings.limits {
            let rule = rules.get(name);
            let rule =
                rule.ok_or_else(|| Error::internal(format!("compile routes: there is no `{name}`")))?;
            let waits = rule.needs_caller() && settings.auth.word() != Auth::None;
            if waits { &mut of_callers } else { &mut on_arrival }.push(rule.clone());
        }
        let cost = settings.limit_cost.map(u64::from);
        Ok(Self { on_arrival: on_arrival.into(), of_callers: of_callers.into(), cost })
    }

    fn at(&self, stage: Stage) -> &[Arc<Rule>] {
        match stage {
            Stage::Arrival => &self.on_arrival,
            Stage::Known => &self.of_callers,
        }
    }
}

/// Asks the limits of the request's route, notes what they say for its answer, and refuses it if one of them does.
pub(super) async fn check(
    gate: Gate<'_>,
    exchange: &mut Exchange,
    head: &Parts,
    (stage, caller): (Stage, Option<&Caller>),
) -> Result<(), (Problem, u64)> {
    let Some(route) = &exchange.route else { return Ok(()) };
    let rules = route.limits.at(stage);
    if rules.is_empty() {
        return Ok(());
    }
    let subject = Subject {
        ip: exchange.client.ip,
        route: &route.name,
        headers: &head.headers,
        caller: caller.map(|caller| (caller.tenant, &*caller.subject)),
    };
    let ask = Ask { rules, subject, cost: route.limits.cost, now: Instant::now() };
    let span = exchange.span.step_within("limits");
    let standings = match gate {
        Gate::Counting(limiter) => span.run(limiter.take(&ask)).await,
        Gate::Looking(limiter) => limiter.peek(&ask).await,
    };
    let refused = refusal(&standings);
    exchange.standings.extend(standings);
    refused.map_or(Ok(()), Err)
}

/// Why a request is refused and after how many seconds it may come again: of several limits the slowest tells.
fn refusal(standings: &[Standing]) -> Option<(Problem, u64)> {
    let slowest = standings.iter().filter(|it| it.refuses()).max_by_key(|it| it.retry_seconds())?;
    let (name, seconds) = (&slowest.rule.name, slowest.retry_seconds());
    let problem = match slowest.is_closed {
        true => Problem::new(Kind::Unavailable, format!("the limit `{name}` cannot be counted now"))
            .with_code("limits_unavailable"),
        false => Problem::new(
            Kind::RateLimited,
            format!("the limit `{name}` is used up; come again in {seconds} s"),
        ),
    };
    Some((problem, seconds))
}

/// The header that says when to come again.
pub(super) fn retry_after(seconds: u64) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(seconds))
}

/// Says on an answer how much is admitted and what is left, of the tightest limit first. A backend's own are replaced:
/// the client is counted here. Limits that only count, or cannot be counted, are not told.
pub(super) fn tell(standings: &[Standing], headers: &mut HeaderMap) {
    let mut told: Vec<&Standing> =
        standings.iter().filter(|it| !it.rule.is_shadow && !it.is_closed).collect();
    if told.is_empty() {
        return;
    }
    told.sort_by(|one, other| share_left(one).total_cmp(&share_left(other)));
    let (mut left, mut policy) = (String::with_capacity(LINE), String::with_capacity(LINE));
    for it in told {
        entry(&mut left, &it.rule.name, [(";r=", it.left()), (";t=", it.reset_seconds())]);
        entry(&mut policy, &it.rule.name, [(";q=", it.quota.window_quota()), (";w=", it.quota.window())]);
    }
    for (name, text) in [(RATE_LIMIT, left), (RATE_LIMIT_POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Adds an entry to a list (RFC 9651). Every request with a limit has two: formatting machinery would cost three times
/// this.
fn entry(list: &mut String, name: &str, parameters: [(&str, u64); 2]) {
    let before = if list.is_empty() { "\"" } else { ", \"" };
    for part in [before, name, "\""] {
        list.push_str(part);
    }
    for (key, number) in parameters {
        list.push_str(key);
        list.push_str(itoa::Buffer::new().format(number));
    }
}

/// Room for the text of one limit.
const LINE: usize = 48;

fn share_left(it: &Standing) -> f64 {
    it.left() as f64 / it.quota.burst() as f64
}
