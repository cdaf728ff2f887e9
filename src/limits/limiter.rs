//! Who decides: for all rules of a request at once, so that one refused by the last was not counted by the first.
//!
//! With Redis every admitted request is counted there; a key that Redis refused is refused here until it may come
//! again, without asking. While Redis is away each rule does what it was told to.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use super::gcra::Verdict;
use super::overrides::Overrides;
use super::rule::{Rule, Subject};
use super::shared::{Mode, Shared};
use super::standing::Standing;
use super::table::{Key, Table};
use crate::config::WhenRedisFails;
use crate::redis::Redis;
use crate::tasks::Lifecycle;
use crate::telemetry::{LimitMetrics, LimitOutcome, LimitTier};

/// Counts and decides. One for the process; it outlives reloads.
#[derive(Debug)]
pub struct Limiter {
    /// Quotas of single tenants.
    pub overrides: Overrides,
    began: Instant,
    seed: RandomState,
    local: Table,
    /// Until when keys are refused, as Redis said.
    refused: Table,
    shared: Option<Shared>,
    metrics: LimitMetrics,
}

/// A request that wants to be admitted.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The rules it counts for; all must admit it.
    pub rules: &'a [Arc<Rule>],
    /// Whom it is counted under.
    pub subject: Subject<'a>,
    /// What it takes of each, unless that is what each says itself.
    pub cost: Option<u64>,
    /// Now.
    pub now: Instant,
}

impl Limiter {
    /// One that counts in its own memory.
    pub fn alone(metrics: LimitMetrics) -> Self {
        Self {
            overrides: Overrides::default(),
            began: Instant::now(),
            seed: RandomState::new(),
            local: Table::default(),
            refused: Table::default(),
            shared: None,
            metrics,
        }
    }

    /// One that counts together with others, and tells them that it is there.
    pub fn sharing(redis: Redis, lifecycle: &Lifecycle, metrics: LimitMetrics) -> Self {
        Self { shared: Some(Shared::new(redis, lifecycle)), ..Self::alone(metrics) }
    }

    /// How many instances count together, as far as is known.
    pub fn instances(&self) -> u32 {
        self.shared.as_ref().map_or(1, Shared::instances)
    }

    /// Counts a request for all its rules, or for none if one of them refuses it.
    pub async fn take(&self, ask: &Ask<'_>) -> Vec<Standing> {
        let mut standings = self.standings(ask);
        let now = self.nanos(ask.now);
        match &self.shared {
            None => self.take_here(&mut standings, now),
            Some(shared) if !self.is_known(&mut standings, now) => {
                match shared.decide(&mut standings, &ask.subject, Mode::Take).await {
                    Ok(()) => self.remember(&standings, ask.now),
                    Err(error) => {
                        tracing::debug!(%error, "count in Redis");
                        self.fall_back(&mut standings, shared);
                        self.take_here(&mut standings, now);
                    }
                }
            }
            Some(_) => standings.retain(|it| it.tier == LimitTier::Known),
        }
        self.count(&standings);
        standings
    }

    /// What would come of a request. Nothing is counted.
    pub async fn peek(&self, ask: &Ask<'_>) -> Vec<Standing> {
        let mut standings = self.standings(ask);
        let now = self.nanos(ask.now);
        if let Some(shared) = &self.shared {
            if shared.decide(&mut standings, &ask.subject, Mode::Peek).await.is_ok() {
                return standings;
            }
            self.fall_back(&mut standings, shared);
        }
        for it in standings.iter_mut().filter(|it| counts_here(it)) {
            it.verdict = self.local.peek(it.key, it.quota, it.cost, now);
        }
        standings
    }

    fn standings(&self, ask: &Ask<'_>) -> Vec<Standing> {
        let standing = |rule: &Arc<Rule>| Standing {
            quota: self.overrides.quota(rule, &ask.subject),
            key: rule.local_key(&ask.subject, &self.seed),
            cost: ask.cost.unwrap_or(rule.cost),
            verdict: Verdict { is_allowed: true, debt: 0, retry_after: 0 },
            tier: LimitTier::Local,
            is_closed: false,
            rule: rule.clone(),
        };
        ask.rules.iter().map(standing).collect()
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    // ---- In this instance.

    fn take_here(&self, standings: &mut [Standing], now: u64) {
        let is_refused = standings.iter().any(Standing::refuses);
        let mut refused_at = None;
        for (index, it) in standings.iter_mut().enumerate().filter(|(_, it)| counts_here(it)) {
            it.verdict = match is_refused || refused_at.is_some() {
                true => self.local.peek(it.key, it.quota, it.cost, now),
                false => self.local.take(it.key, it.quota, it.cost, now),
            };
            if it.refuses() && refused_at.is_none() {
                refused_at = Some(index);
            }
        }
        let before = refused_at.filter(|_| !is_refused).unwrap_or(0);
        for it in standings.iter_mut().take(before).filter(|it| counts_here(it) && it.would_admit()) {
            self.local.give_back(it.key, it.quota, it.cost);
            it.verdict.debt = it.verdict.debt.saturating_sub(it.quota.interval().saturating_mul(it.cost));
        }
    }

    /// Does with each rule what it says for the time that Redis is away.
    fn fall_back(&self, standings: &mut [Standing], shared: &Shared) {
        for it in standings {
            it.tier = LimitTier::Fallback;
            match it.rule.when_redis_fails {
                WhenRedisFails::Local => {
                    let instances = shared.instances().max(it.rule.least_instances);
                    it.quota = it.quota.share(instances, it.cost);
                }
                WhenRedisFails::Open => {}
                WhenRedisFails::Closed => {
                    it.verdict.is_allowed = false;
                    it.is_closed = !it.rule.is_shadow;
                }
            }
        }
    }

    // ---- What Redis said before.

    /// Whether one of the rules is known to refuse the request.
    fn is_known(&self, standings: &mut [Standing], now: u64) -> bool {
        let mut is_known = false;
        for it in standings.iter_mut().filter(|it| !it.rule.is_shadow) {
            let left = self.refused.until(self.refusal(it)).map_or(0, |until| until.saturating_sub(now));
            if left > 0 {
                is_known = true;
                it.tier = LimitTier::Known;
                let taken = it.quota.interval().saturating_mul(it.cost);
                let debt = it.quota.tolerance().saturating_add(left).saturating_sub(taken);
                it.verdict = Verdict { is_allowed: false, debt, retry_after: left };
            }
        }
        is_known
    }

    fn remember(&self, standings: &[Standing], asked: Instant) {
        // From when it was asked: so nobody is refused for longer than Redis would.
        let now = self.nanos(asked);
        for it in standings.iter().filter(|it| it.refuses()) {
            self.refused.note(self.refusal(it), now.saturating_add(it.verdict.retry_after), now);
        }
    }

    /// A refusal is of one key, one cost and one quota: after a reload the same key may be admitted.
    fn refusal(&self, it: &Standing) -> Key {
        let mut hasher = self.seed.build_hasher();
        for number in [it.key.number(), it.cost, it.quota.interval(), it.quota.burst()] {
            hasher.write_u64(number);
        }
        Key::new(hasher.finish())
    }

    /// A refused request is counted as refused by those who did; the others did not decide.
    fn count(&self, standings: &[Standing]) {
        let is_refused = standings.iter().any(Standing::refuses);
        for it in standings {
            let outcome = match (it.would_admit(), it.rule.is_shadow) {
                (true, _) if is_refused => continue,
                (true, _) => LimitOutcome::Allowed,
                (false, true) => LimitOutcome::Shadowed,
                (false, false) => LimitOutcome::Refused,
            };
            it.rule.counters(&self.metrics).count(it.tier, outcome);
        }
    }
}

/// Whether the memory of this instance decides.
fn counts_here(it: &Standing) -> bool {
    it.tier != LimitTier::Fallback || it.rule.when_redis_fails == WhenRedisFails::Local
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
