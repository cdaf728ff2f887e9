//! What is counted of the database, by the one who uses it.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounter, IntGauge, IntGaugeVec};

use super::metrics::{counter, gauge, gauges, histogram};

/// The database as this instance sees it.
#[derive(Debug, Clone)]
pub struct Postgres {
    up: IntGauge,
    connections: IntGaugeVec,
    waiting: IntGauge,
    waits: HistogramVec,
    repeats: IntCounter,
}

impl Postgres {
    pub(super) fn new() -> Self {
        Self {
            up: gauge("olympus_postgres_up", "1 while Postgres serves this instance."),
            connections: gauges(
                "olympus_postgres_connections",
                "Connections of the pool, by whether a transaction has them.",
                &["state"],
            ),
            waiting: gauge("olympus_postgres_waiting", "Transactions that wait for a connection."),
            waits: histogram(
                "olympus_postgres_wait_seconds",
                "How long transactions waited for a connection, by whether they got one.",
                &["outcome"],
            ),
            repeats: counter(
                "olympus_postgres_repeats_total",
                "Transactions repeated because of a deadlock or a conflict of serialisation.",
            ),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 5] {
        [
            Box::new(self.up.clone()),
            Box::new(self.connections.clone()),
            Box::new(self.waiting.clone()),
            Box::new(self.waits.clone()),
            Box::new(self.repeats.clone()),
        ]
    }

    /// Whether Postgres serves this instance.
    pub fn up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    /// The connections of the pool, and who waits for one.
    pub fn connections(&self, busy: usize, idle: usize, waiting: usize) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.connections.with_label_values(&["busy"]).set(count(busy));
        self.connections.with_label_values(&["idle"]).set(count(idle));
        self.waiting.set(count(waiting));
    }

    /// A transaction waited for a connection.
    pub fn waited(&self, time: Duration, has_one: bool) {
        let outcome = if has_one { "acquired" } else { "refused" };
        self.waits.with_label_values(&[outcome]).observe(time.as_secs_f64());
    }

    /// A transaction is repeated.
    pub fn repeated(&self) {
        self.repeats.inc();
    }
}
