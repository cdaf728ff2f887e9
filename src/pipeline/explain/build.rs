//! From a question to its explanation, by way of admission itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::SecondsFormat;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderMap, Response};
use serde_json::Value;

use super::limits::limit_facts;
use super::pool::pool_facts;
use super::split::split_facts;
use super::{CallerFacts, Explanation, Outcome, PassedOver, Question, RouteFacts};
use crate::config::{self, Local};
use crate::error::Result;
use crate::http::normalise;
use crate::identity::{Caller, Demand, Reach};
use crate::model::Permission;
use crate::pipeline::admit::{Admission, admit, request};
use crate::pipeline::authenticate::is_asked_later;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::Gate;
use crate::pipeline::route::Target;
use crate::pipeline::router::{Captures, WhyNot};
use crate::pipeline::snapshot::Snapshot;
use crate::pipeline::sticky_key;
use crate::rest;
use crate::upstream::Refused;

/// Keys of a route that are told elsewhere, or that say what it matches and not what it does.
const TOLD: [&str; 11] = [
    "limits", "path", "methods", "hosts", "headers", "auth", "upstream", "local", "name", "split", "split_by",
];

/// What would happen to the request.
///
/// # Errors
/// The question describes no request.
pub(in crate::pipeline) async fn explain(
    snapshot: &Arc<Snapshot>,
    gate: Gate<'_>,
    question: &Question,
) -> Result<Explanation> {
    let head = question.head()?;
    let (exchange, admission) = admit(snapshot.clone(), gate, &head, question.connection()).await;
    let path =
        normalise(head.uri.path()).map_or_else(|_| head.uri.path().to_owned(), |path| path.into_owned());
    let now = Instant::now();
    let pool = match &admission {
        Admission::Proxy(pool) => {
            let key = sticky_key(
                &pool.settings.balance,
                exchange.caller.as_deref(),
                &exchange.client,
                &head.headers,
            );
            Some(pool_facts(pool, key, now))
        }
        Admission::Local(_) | Admission::Answer(_) => None,
    };
    Ok(Explanation {
        request: format!("{} {path}", head.method),
        outcome: outcome(&admission, &exchange, &head, now),
        route: route_facts(&exchange, &head, &path),
        caller: exchange.caller.as_deref().map(caller_facts),
        limits: limit_facts(&exchange.standings),
        passed_over: passed_over(snapshot, &head, &path),
        split: split_facts(&exchange, &admission, &head.headers),
        pool,
    })
}

fn outcome(admission: &Admission, exchange: &Exchange, head: &Parts, now: Instant) -> Outcome {
    match admission {
        Admission::Proxy(pool) => match pool.refusal(now) {
            Some(Refused::NoEndpoint | Refused::AllBad { .. }) => {
                Outcome::Refusal { code: "no_backend".to_owned() }
            }
            Some(Refused::Full) => Outcome::Refusal { code: "overloaded".to_owned() },
            None => {
                let sent = head.uri.path_and_query().map_or("/", |target| target.as_str());
                let target = exchange.target.as_ref().map_or(sent, |it| it.as_str());
                Outcome::Backend { target: target.to_owned() }
            }
        },
        Admission::Local(local) => Outcome::Local { part: part(*local).to_owned() },
        Admission::Answer(answer) => answered(answer),
    }
}

fn caller_facts(caller: &Caller) -> CallerFacts {
    CallerFacts {
        tenant: caller.tenant.to_string(),
        user: caller.subject.to_string(),
        roles: caller.roles.iter().map(ToString::to_string).collect(),
        expires: caller.expires.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

fn part(local: Local) -> &'static str {
    match local {
        Local::Health => "health",
        Local::Rest => "rest",
        Local::Keys => "keys",
        Local::Auth => "auth",
        Local::Status => "status",
        Local::Docs => "docs",
    }
}

fn answered(answer: &Response<Bytes>) -> Outcome {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let text = |member: &str| document.get(member).and_then(Value::as_str).map(str::to_owned);
    Outcome::Admission {
        status: answer.status().as_u16(),
        code: text("code"),
        detail: text("detail"),
        allow: header(answer.headers()),
    }
}

fn header(headers: &HeaderMap) -> Option<String> {
    headers.get(ALLOW).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn route_facts(exchange: &Exchange, head: &Parts, path: &str) -> Option<RouteFacts> {
    let route = exchange.route.as_ref()?;
    let settings = exchange.snapshot.settings.routes.get(&*route.name)?;
    let pattern = settings.path.iter().find(|pattern| pattern.as_str() == &*route.pattern)?;
    let parameters = Captures::new(pattern, path).iter();
    Some(RouteFacts {
        name: route.name.to_string(),
        pattern: route.pattern.to_string(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        auth: match (&route.demand, settings.auth.word()) {
            (Some(demand), _) => format!("a valid token is required, with {demand}"),
            (None, config::Auth::Required) => "a valid token is required".to_owned(),
            (None, config::Auth::Optional) if is_asked_later(route) => {
                "everybody may call; what needs a token says so itself".to_owned()
            }
            (None, config::Auth::Optional) => {
                "everybody may call, but a token that is sent must be valid".to_owned()
            }
            (None, config::Auth::None) => "everybody may call".to_owned(),
        },
        authorisation: {
            let caller = exchange.caller.as_deref();
            let is_local = matches!(route.target, Target::Local(_));
            let asked = is_local.then(|| rest::asks(head.method.as_str(), path)).flatten();
            let of_handler = asked.map(|permission| of_handler(permission, caller));
            authorisation(route.demand.as_ref(), caller).into_iter().chain(of_handler).collect()
        },
        rules: rules(settings),
    })
}

/// What the policy says of the caller about each permission that the route asks for.
fn authorisation(demand: Option<&Demand>, caller: Option<&Caller>) -> Vec<String> {
    let Some((demand, caller)) = demand.zip(caller) else { return Vec::new() };
    let roles = if caller.roles.is_empty() { "none".to_owned() } else { caller.roles.join(", ") };
    let decisions = demand.decisions(&caller.rights).into_iter();
    let decisions = decisions.map(|(name, decision)| format!("{name}: {decision}"));
    std::iter::once(format!("the caller's roles: {roles}")).chain(decisions).collect()
}

/// What a handler of ours asks for besides, and what the policy says of the caller about it, also where it is otherwise
/// with a single thing. Whose a thing is is asked then.
fn of_handler(permission: Permission, caller: Option<&Caller>) -> String {
    let (name, asked) = (permission.to_string(), format!("the handler asks for {permission}"));
    let overview = caller.map(|caller| caller.rights.overview()).unwrap_or_default();
    let Some(entry) = overview.into_iter().find(|entry| entry.permission == name) else { return asked };
    let whose = match entry.reach {
        Reach::All => ", with whatever thing",
        Reach::Own => ", with what is the caller's own",
        Reach::Nothing => "",
    };
    let single = entry.single.iter().map(|single| format!("; with {}: {}", single.thing, single.decision));
    format!("{asked}{whose}: {}{}", entry.decision, single.collect::<String>())
}

/// What the route does, as its settings write it. A key added to routes is told without a change here.
fn rules(settings: &config::Route) -> BTreeMap<String, String> {
    let Ok(Value::Object(settings)) = serde_json::to_value(settings) else { return BTreeMap::new() };
    let told = settings.into_iter().filter(|(key, value)| !TOLD.contains(&key.as_str()) && !is_empty(value));
    told.map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn passed_over(snapshot: &Snapshot, head: &Parts, path: &str) -> Vec<PassedOver> {
    let found = snapshot.router.passed_over(&request(head, path, &head.method));
    let describe = |(name, pattern, why): (&str, &config::PathPattern, WhyNot)| PassedOver {
        name: name.to_owned(),
        pattern: pattern.as_str().to_owned(),
        why: match why {
            WhyNot::Host => "it is for other hosts".to_owned(),
            WhyNot::Header(name) => format!("it asks for the header `{name}`, with its value if one is set"),
            WhyNot::Method => format!("it does not serve {}", head.method),
            WhyNot::LessSpecific => "another route is more specific".to_owned(),
        },
    };
    found.into_iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Grant, Policy};
    use crate::model::{ScopedRole, TenantId};

    #[test]
    fn it_is_told_what_a_handler_asks_for_and_how_far_the_caller_may() {
        let policy = Arc::new(Policy::compile(&config::Policy::default()));
        let member =
            Caller::new(TenantId::new(), "mo", &["member"], chrono::DateTime::<chrono::Utc>::MAX_UTC);
        let member = member.ruled_by(&policy, &[]);
        for (permission, caller, line) in [
            (Permission::UsersRead, None, "the handler asks for users:read"),
            (
                Permission::ProductsRead,
                Some(&member),
                "the handler asks for products:read, with whatever thing: allowed: role `viewer` says so",
            ),
            (
                Permission::UsersUpdate,
                Some(&member),
                "the handler asks for users:update, with what is the caller's own: allowed: role `member` says so",
            ),
            (
                Permission::UsersDelete,
                Some(&member),
                "the handler asks for users:delete: denied: none of the caller's roles and grants allows it",
            ),
        ] {
            assert_eq!(of_handler(permission, caller), line);
        }
    }

    #[test]
    fn it_is_told_where_it_is_otherwise_with_a_single_thing() {
        let policy = Arc::new(Policy::compile(&config::Policy::default()));
        let tenant = TenantId::new();
        let manager = ScopedRole { role: "manager".to_owned(), thing: "o-1".to_owned() };
        let viewer = Caller::new(tenant, "vi", &["viewer"], chrono::DateTime::<chrono::Utc>::MAX_UTC);
        let viewer = viewer.ruled_by(&policy, &[Grant::of_role(tenant, &manager)]);
        assert_eq!(
            of_handler(Permission::OrdersRead, Some(&viewer)),
            "the handler asks for orders:read, with what is the caller's own: allowed: role `viewer` says so; \
             with o-1: allowed: grant `manager for o-1` says so"
        );
    }

    #[test]
    fn it_is_told_who_decided_about_a_caller() {
        let policy = Arc::new(Policy::compile(&config::Policy::default()));
        let demands = r#"{ "permissions": ["products:update", "analytics:read", "audit:read"] }"#;
        let demand = policy.demand(&serde_json::from_str(demands).unwrap());
        let stocktaking = Grant {
            name: "stocktaking".into(),
            tenant: None,
            only: None,
            role: None,
            allow: Vec::new(),
            deny: vec!["products:update".parse().unwrap()],
        };
        let caller =
            Caller::new(TenantId::new(), "mo", &["manager"], chrono::DateTime::<chrono::Utc>::MAX_UTC);
        let lines = authorisation(Some(&demand), Some(&caller.ruled_by(&policy, &[stocktaking])));
        assert_eq!(
            lines,
            [
                "the caller's roles: manager",
                "products:update: denied: grant `stocktaking` says so",
                "analytics:read: allowed: role `manager` says so",
                "audit:read: denied: none of the caller's roles and grants allows it",
            ]
        );
    }
}
