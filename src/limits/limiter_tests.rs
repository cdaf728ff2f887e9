//! The limiter in memory: all rules of a request together, shadows, tenants of their own, what outlives a reload.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http::HeaderMap;
use serde_json::json;

use super::{Ask, Limiter};
use crate::limits::{Quota, Rule, Standing, Subject};
use crate::model::TenantId;
use crate::telemetry::LimitMetrics;

fn rule(name: &str, settings: serde_json::Value) -> Arc<Rule> {
    Arc::new(Rule::new(name, &serde_json::from_value(settings).unwrap()))
}

fn limiter() -> Limiter {
    Limiter::alone(LimitMetrics::new())
}

fn take(
    limiter: &Limiter,
    rules: &[Arc<Rule>],
    caller: Option<(TenantId, &str)>,
    now: Instant,
) -> Vec<Standing> {
    let headers = HeaderMap::new();
    let subject = Subject { ip: [10, 0, 0, 1].into(), route: "a", headers: &headers, caller };
    limiter.take(&Ask { rules, subject, cost: None, now }).now_or_never().expect("nothing to wait for")
}

fn is_admitted(standings: &[Standing]) -> bool {
    !standings.iter().any(Standing::refuses)
}

#[test]
fn what_one_rule_refuses_no_other_counts() {
    let (limiter, now) = (limiter(), Instant::now());
    let wide = rule("wide", json!({ "key": ["ip"], "rate": "1/s", "burst": 10 }));
    let narrow = rule("narrow", json!({ "key": ["route"], "rate": "1/s", "burst": 2 }));
    let rules = [wide.clone(), narrow];
    let admitted = (0..10).filter(|_| is_admitted(&take(&limiter, &rules, None, now))).count();
    assert_eq!(admitted, 2);
    let left = take(&limiter, &[wide], None, now)[0].left();
    assert_eq!(left, 7);
}

#[test]
fn a_shadow_counts_and_refuses_nothing() {
    let (limiter, now) = (limiter(), Instant::now());
    let rules = [rule("shadow", json!({ "key": ["ip"], "rate": "1/s", "burst": 2, "shadow": true }))];
    let all: Vec<_> = (0..4).map(|_| take(&limiter, &rules, None, now)).collect();
    assert!(all.iter().all(|standings| is_admitted(standings)));
    assert_eq!(all.iter().filter(|standings| standings[0].would_admit()).count(), 2);
}

#[test]
fn a_tenant_may_have_a_quota_of_its_own() {
    let (limiter, now) = (limiter(), Instant::now());
    let rules = [rule("default", json!({ "key": ["tenant"], "rate": "1/s", "burst": 2 }))];
    let (usual, large) = (TenantId::new(), TenantId::new());
    let own = BTreeMap::from([("default".to_owned(), Quota::new("1/s".parse().unwrap(), 5))]);
    limiter.overrides.set(HashMap::from([(large, own)]));
    let admitted =
        |tenant| (0..10).filter(|_| is_admitted(&take(&limiter, &rules, Some((tenant, "ada")), now))).count();
    assert_eq!((admitted(usual), admitted(large)), (2, 5));
}

#[test]
fn counts_outlive_the_rule_they_were_made_for() {
    let (limiter, now) = (limiter(), Instant::now());
    let before = [rule("default", json!({ "key": ["ip"], "rate": "1/s", "burst": 4 }))];
    for _ in 0..4 {
        take(&limiter, &before, None, now);
    }
    // Reloaded with another rate and burst: who was at his limit still is, but no longer than the new one says.
    let after = [rule("default", json!({ "key": ["ip"], "rate": "100/s", "burst": 2 }))];
    assert!(!is_admitted(&take(&limiter, &after, None, now)));
    assert!(is_admitted(&take(&limiter, &after, None, now + Duration::from_millis(10))));
}

#[test]
fn costs_are_taken_and_told() {
    let (limiter, now) = (limiter(), Instant::now());
    let rules = [rule("default", json!({ "key": ["ip"], "rate": "1/s", "burst": 10, "cost": 4 }))];
    let lefts: Vec<u64> = (0..2).map(|_| take(&limiter, &rules, None, now)[0].left()).collect();
    assert_eq!(lefts, [6, 2]);
    let refused = &take(&limiter, &rules, None, now)[0];
    assert!(refused.refuses());
    assert_eq!((refused.left(), refused.retry_seconds(), refused.reset_seconds()), (2, 2, 8));
}
