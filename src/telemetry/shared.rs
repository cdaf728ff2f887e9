//! What is counted of limits and of Redis, where instances count together.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge};

use super::metrics::{counters, known};

/// Decisions of all limits.
#[derive(Debug, Clone)]
pub struct LimitMetrics(IntCounterVec);

/// How far a decision was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitTier {
    /// In the memory of this instance, which counts alone.
    Local,
    /// In Redis.
    Redis,
    /// In the memory of this instance, which knows from Redis that the key is refused.
    Known,
    /// By this instance in the place of Redis, which is away.
    Fallback,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitOutcome {
    /// The request was admitted.
    Allowed,
    /// It was refused.
    Refused,
    /// It would have been, by a limit that only counts.
    Shadowed,
}

impl LimitTier {
    const ALL: [Self; 4] = [Self::Local, Self::Redis, Self::Known, Self::Fallback];

    /// The word people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Redis => "redis",
            Self::Known => "known",
            Self::Fallback => "fallback",
        }
    }
}

impl LimitOutcome {
    const ALL: [Self; 3] = [Self::Allowed, Self::Refused, Self::Shadowed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Shadowed => "shadowed",
        }
    }
}

/// Decisions of one limit.
#[derive(Debug)]
pub struct LimitCounters([[IntCounter; 3]; 4]);

impl LimitMetrics {
    /// Metrics that nobody reads unless they are registered.
    pub fn new() -> Self {
        Self(counters(
            "olympus_limit_decisions_total",
            "What limits decided, by where: local, redis, known (refused before), fallback (Redis is away).",
            &["limit", "outcome", "tier"],
        ))
    }

    /// Those of the limit of this name, which comes from the configuration.
    pub fn of(&self, limit: &str) -> LimitCounters {
        LimitCounters(LimitTier::ALL.map(|tier| {
            LimitOutcome::ALL
                .map(|outcome| self.0.with_label_values(&[limit, outcome.as_str(), tier.as_str()]))
        }))
    }

    pub(super) fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.0.clone())
    }
}

impl Default for LimitMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl LimitCounters {
    /// One more decision.
    pub fn count(&self, tier: LimitTier, outcome: LimitOutcome) {
        if let Some(counter) = self.0.get(tier as usize).and_then(|row| row.get(outcome as usize)) {
            counter.inc();
        }
    }
}

/// How Redis does.
#[derive(Debug, Clone)]
pub struct RedisMetrics {
    up: IntGauge,
    took: Histogram,
    failed: IntCounter,
}

impl RedisMetrics {
    /// Metrics that nobody reads unless they are registered.
    pub fn new() -> Self {
        let buckets = vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];
        let took = HistogramOpts::new(
            "olympus_redis_command_duration_seconds",
            "From a command to its answer, checks included.",
        );
        Self {
            up: known(IntGauge::new(
                "olympus_redis_up",
                "1 while Redis answers and commands are sent to it.",
            )),
            took: known(Histogram::with_opts(took.buckets(buckets))),
            failed: known(IntCounter::new(
                "olympus_redis_failures_total",
                "Commands that failed or had no answer in time. Those not sent because Redis is away are not counted.",
            )),
        }
    }

    /// Whether commands are sent.
    pub fn up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    /// A command was answered.
    pub fn answered(&self, took: Duration) {
        self.took.observe(took.as_secs_f64());
    }

    /// A command failed.
    pub fn failed(&self) {
        self.failed.inc();
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [Box::new(self.up.clone()), Box::new(self.took.clone()), Box::new(self.failed.clone())]
    }
}

impl Default for RedisMetrics {
    fn default() -> Self {
        Self::new()
    }
}
