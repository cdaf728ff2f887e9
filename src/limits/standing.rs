//! Where a request stands with one limit.

use std::sync::Arc;

use super::gcra::{Quota, Verdict};
use super::rule::Rule;
use super::table::Key;
use crate::telemetry::LimitTier;

const SECOND: u64 = 1_000_000_000;

/// What one limit says of a request, and what is left of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The limit.
    pub rule: Arc<Rule>,
    /// How much is admitted. While Redis is away the share of this instance.
    pub quota: Quota,
    /// Where it was decided.
    pub tier: LimitTier,
    /// Whether nothing is admitted because nothing can be counted.
    pub is_closed: bool,
    pub(super) verdict: Verdict,
    pub(super) cost: u64,
    pub(super) key: Key,
}

impl Standing {
    /// Whether the limit, if it stood alone, would admit the request.
    pub fn would_admit(&self) -> bool {
        self.verdict.is_allowed
    }

    /// Whether the request is refused because of it.
    pub fn refuses(&self) -> bool {
        !self.verdict.is_allowed && !self.rule.is_shadow
    }

    /// How many are left.
    pub fn left(&self) -> u64 {
        self.quota.left(self.verdict.debt)
    }

    /// Whole seconds until the whole burst is there again.
    pub fn reset_seconds(&self) -> u64 {
        self.verdict.debt.div_ceil(SECOND)
    }

    /// How many were left before this request took its part.
    pub fn left_before(&self) -> u64 {
        self.quota.left(self.debt_before())
    }

    /// Whole seconds that were left then until the whole burst was there.
    pub fn reset_before_seconds(&self) -> u64 {
        self.debt_before().div_ceil(SECOND)
    }

    fn debt_before(&self) -> u64 {
        let taken = if self.would_admit() { self.quota.interval().saturating_mul(self.cost) } else { 0 };
        self.verdict.debt.saturating_sub(taken)
    }

    /// Whole seconds after which the same request would be admitted; at least one.
    pub fn retry_seconds(&self) -> u64 {
        self.verdict.retry_after.div_ceil(SECOND).max(1)
    }
}
