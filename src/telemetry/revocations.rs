//! What is counted of revocations: how many are in force, how fresh they are, and how they came.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge};

use super::metrics::{counters, gauge};

/// A cheap handle on the counters.
#[derive(Debug, Clone)]
pub struct RevocationMetrics {
    size: IntGauge,
    confirmed: IntGauge,
    received: IntCounterVec,
    polls: IntCounterVec,
}

impl Default for RevocationMetrics {
    fn default() -> Self {
        Self {
            size: gauge("olympus_revocations", "Revocations and suspended tenants in mind."),
            confirmed: gauge(
                "olympus_revocations_confirmed_timestamp_seconds",
                "Until when every revocation is known for certain.",
            ),
            received: counters(
                "olympus_revocations_received_total",
                "Revocations that came from elsewhere, by way: push (Redis) or poll (Postgres).",
                &["way"],
            ),
            polls: counters(
                "olympus_revocation_polls_total",
                "How often Postgres was asked for revocations.",
                &["result"],
            ),
        }
    }
}

impl RevocationMetrics {
    /// So many are in mind.
    pub fn size(&self, size: usize) {
        self.size.set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    /// All until this Unix time are known.
    pub fn confirmed(&self, time: i64) {
        self.confirmed.set(time);
    }

    /// Some were pushed through Redis.
    pub fn pushed(&self, count: u64) {
        self.received.with_label_values(&["push"]).inc_by(count);
    }

    /// Postgres was asked and gave so many new ones, or failed.
    pub fn polled(&self, answer: Option<u64>) {
        let result = if answer.is_some() { "success" } else { "failure" };
        self.polls.with_label_values(&[result]).inc();
        self.received.with_label_values(&["poll"]).inc_by(answer.unwrap_or(0));
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.size.clone()),
            Box::new(self.confirmed.clone()),
            Box::new(self.received.clone()),
            Box::new(self.polls.clone()),
        ]
    }
}
