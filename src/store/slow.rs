//! Statements that took long are said in the log: what they are, how long they took, and the shape of the plan that
//! Postgres has for them. Never values. Plans are asked for a few times a minute at most, since that costs as well.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::Value;
use tokio::time::Instant;

use super::trace;
use crate::telemetry;

/// Plans asked for within a [`WINDOW`].
const MOST_PLANS: usize = 6;
const WINDOW: Duration = Duration::from_secs(60);
/// A transaction with less time than this is not asked to explain itself as well.
const TIME_FOR_A_PLAN: Duration = Duration::from_millis(250);

/// Longest description of a plan, in bytes.
const LONGEST: usize = 1024;

/// When statements count as slow, and how often plans were asked for.
#[derive(Debug)]
pub(super) struct Slow {
    threshold: Option<Duration>,
    /// When plans were asked for within the window. Held for a few instructions.
    asked: Mutex<Vec<Instant>>,
}

impl Slow {
    /// Nothing is slow without a threshold.
    pub(super) fn new(threshold: Option<Duration>) -> Self {
        Self { threshold, asked: Mutex::new(Vec::with_capacity(MOST_PLANS)) }
    }

    /// How long something took that began then, if that was too long.
    pub(super) fn exceeded(&self, began: Instant) -> Option<Duration> {
        let threshold = self.threshold?;
        Some(began.elapsed()).filter(|took| *took >= threshold)
    }

    /// Whether to ask for the plan of this statement, which then counts.
    pub(super) fn may_explain(&self, sql: &str, left: Duration, now: Instant) -> bool {
        let first = sql.split_whitespace().next().unwrap_or_default();
        if !matches!(first, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH") || left < TIME_FOR_A_PLAN {
            return false;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        let may = asked.len() < MOST_PLANS;
        if may {
            asked.push(now);
        }
        may
    }
}

/// The shape of a plan: which nodes work on what, without costs and values. The same shape has the same hash on every
/// instance.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    hash: String,
    shape: String,
}

impl Plan {
    /// Of what `EXPLAIN (FORMAT JSON)` says.
    pub(super) fn of(explained: &Value) -> Option<Self> {
        let mut shape = String::new();
        describe(explained.get(0)?.get("Plan")?, &mut shape);
        let hash = hash(&shape);
        shape.truncate(shape.floor_char_boundary(LONGEST));
        Some(Self { hash, shape })
    }
}

/// Writes a node with those below it: `Limit(Index Scan products products_by_time)`.
fn describe(node: &Value, shape: &mut String) {
    let words =
        ["Node Type", "Join Type", "Strategy", "Operation", "Relation Name", "Index Name", "Function Name"];
    let words = words.iter().filter_map(|word| node.get(word)?.as_str());
    shape.push_str(&words.collect::<Vec<_>>().join(" "));
    let below = node.get("Plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, node) in below.iter().enumerate() {
        shape.push_str(if index == 0 { "(" } else { ", " });
        describe(node, shape);
    }
    if !below.is_empty() {
        shape.push(')');
    }
}

/// Says that a statement was slow, and how many rows it gave, if it was answered.
pub(super) fn say(sql: &str, (took, rows): (Duration, Option<usize>), plan: Option<Plan>) {
    let (plan_hash, plan) = plan.map(|plan| (plan.hash, plan.shape)).unzip();
    tracing::warn!(
        statement = trace::summary(sql),
        statement_hash = hash(sql),
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        rows,
        plan_hash,
        plan,
        request_id = telemetry::request_id(),
        "a statement was slow"
    );
}

/// The first half of a digest: enough to tell statements apart, and the same on every instance.
fn hash(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explained(index: &str, cost: f64) -> Value {
        let scan = json!({ "Node Type": "Index Scan", "Relation Name": "products", "Index Name": index,
            "Total Cost": cost, "Index Cond": "(tenant_id = 'a secret')" });
        json!([{ "Plan": { "Node Type": "Limit", "Total Cost": cost, "Plans": [scan] } }])
    }

    #[test]
    fn a_plan_is_its_shape_and_not_its_costs_or_values() {
        let plan = Plan::of(&explained("products_by_time", 1.0)).unwrap();
        assert_eq!(plan.shape, "Limit(Index Scan products products_by_time)");
        assert_eq!(plan, Plan::of(&explained("products_by_time", 9000.0)).unwrap());
        assert_ne!(plan.hash, Plan::of(&explained("products_by_name", 1.0)).unwrap().hash);
        assert_eq!(Plan::of(&json!([])), None);
    }

    #[tokio::test(start_paused = true)]
    async fn plans_are_asked_for_a_few_times_a_minute_and_never_at_the_end_of_the_time() {
        let (slow, long) = (Slow::new(Some(WINDOW)), Duration::from_secs(5));
        let may = |sql, left| slow.may_explain(sql, left, Instant::now());
        assert!(!may("COMMIT", long) && !may("SELECT 1", Duration::from_millis(20)));
        assert!((0..MOST_PLANS).all(|_| may("SELECT 1", long)));
        assert!(!may("SELECT 1", long));
        tokio::time::advance(WINDOW).await;
        assert!(may("UPDATE users SET name = $1", long));
    }

    #[tokio::test(start_paused = true)]
    async fn a_statement_is_slow_from_its_threshold_on() {
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(200)).await;
        let exceeded = |millis| Slow::new(Some(Duration::from_millis(millis))).exceeded(began);
        assert_eq!(exceeded(200), Some(Duration::from_millis(200)));
        assert_eq!(exceeded(201), None);
        assert_eq!(Slow::new(None).exceeded(began), None);
    }
}
