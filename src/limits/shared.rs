//! Counting in Redis, for all instances together: all rules of a request in one call of a script, which goes by the
//! clock of Redis. In a cluster rules by other keys may lie on other servers, and each key is one call, sent at once.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::gcra::Verdict;
use super::heartbeat::Heartbeat;
use super::rule::Subject;
use super::standing::Standing;
use crate::error::{Error, Result};
use crate::redis::{Redis, Script};
use crate::tasks::Lifecycle;
use crate::telemetry::LimitTier;

/// What one rule is given and answered with, in numbers.
const NUMBERS: usize = 4;
const ANSWERS: usize = 3;
const MICROSECOND: u64 = 1_000;

/// Whether a request is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Take,
    Peek,
}

#[derive(Debug)]
pub(super) struct Shared {
    redis: Redis,
    script: Script,
    heartbeat: Arc<Heartbeat>,
}

impl Shared {
    pub(super) fn new(redis: Redis, lifecycle: &Lifecycle) -> Self {
        let heartbeat = Arc::new(Heartbeat::default());
        lifecycle.spawn("limits: instances", heartbeat.clone().beat(redis.clone()));
        Self { redis, script: Script::new(include_str!("take.lua")), heartbeat }
    }

    /// How many instances there were when Redis was last seen.
    pub(super) fn instances(&self) -> u32 {
        self.heartbeat.instances()
    }

    /// Writes into each standing what Redis says.
    ///
    /// # Errors
    /// Redis is away or too slow; the request may have been counted all the same.
    pub(super) async fn decide(
        &self,
        standings: &mut [Standing],
        subject: &Subject<'_>,
        mode: Mode,
    ) -> Result<()> {
        if !self.redis.is_up() {
            return Err(Error::new(crate::error::Kind::Unavailable, "Redis is away"));
        }
        let keys: Vec<String> = standings.iter().map(|it| it.rule.shared_key(subject)).collect();
        let groups = match self.redis.is_cluster() {
            true => by_key(&keys),
            false => vec![(0..keys.len()).collect()],
        };
        let calls = groups.iter().map(|group| self.call(standings, &keys, group, mode));
        let answers = try_join_all(calls).await?;
        for (group, verdicts) in groups.iter().zip(answers) {
            for (index, verdict) in group.iter().zip(verdicts) {
                if let Some(it) = standings.get_mut(*index) {
                    it.verdict = verdict;
                    it.tier = LimitTier::Redis;
                }
            }
        }
        Ok(())
    }

    async fn call(
        &self,
        standings: &[Standing],
        keys: &[String],
        group: &[usize],
        mode: Mode,
    ) -> Result<Vec<Verdict>> {
        let mut names = Vec::with_capacity(group.len());
        let mut numbers = Vec::with_capacity(1 + NUMBERS * group.len());
        numbers.push(i64::from(mode == Mode::Take));
        for (it, key) in group.iter().filter_map(|index| standings.get(*index).zip(keys.get(*index))) {
            // What stands in braces decides in a cluster where a key lies.
            names.push(self.redis.key(&format!("limit:{{{key}}}:{}", it.rule.name)));
            let is_enforced = !it.rule.is_shadow;
            let row = [it.quota.interval(), it.quota.burst(), it.cost, u64::from(is_enforced)];
            numbers.extend(row.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
        }
        let answer = self.redis.eval(&self.script, names, numbers).await?;
        let (rows, rest) = answer.as_chunks::<ANSWERS>();
        if rows.len() != group.len() || !rest.is_empty() {
            return Err(Error::internal("read what the script of limits answered"));
        }
        Ok(rows.iter().map(verdict).collect())
    }
}

/// Rules whose keys are alike, together.
fn by_key(keys: &[String]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let is_alike =
            |group: &&mut Vec<usize>| group.first().and_then(|first| keys.get(*first)) == Some(key);
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

fn verdict([is_allowed, debt, retry_after]: &[i64; ANSWERS]) -> Verdict {
    let nanos = |micros: i64| u64::try_from(micros).unwrap_or(0).saturating_mul(MICROSECOND);
    Verdict { is_allowed: *is_allowed == 1, debt: nanos(*debt), retry_after: nanos(*retry_after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_by_the_same_key_are_asked_together() {
        let keys = ["a", "b", "a", "c", "b"].map(str::to_owned);
        assert_eq!(by_key(&keys), [vec![0, 2], vec![1, 4], vec![3]]);
    }
}
