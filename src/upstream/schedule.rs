//! The order in which the endpoints of a pool take turns: smooth weighted round robin, written out once.
//!
//! Writing the whole turn out when the set of usable endpoints changes makes a pick one atomic add,
//! whatever the number of endpoints. The smooth order is the one nginx introduced.

use super::endpoint::Endpoint;
use super::health::State;
use std::sync::Arc;

/// Longest turn written out; larger weights are scaled down to fit, which costs under 1 % of precision.
const LONGEST: u64 = 16_384;

/// Who takes turns now, and who stands by.
#[derive(Debug)]
pub(super) struct Schedule {
    /// One turn over the preferred tier: indexes of endpoints, each as often as its weight says.
    pub(super) turn: Vec<usize>,
    /// Everybody that takes traffic at all, best first: for retries when the tier has no untried endpoint left.
    pub(super) standby: Vec<usize>,
}

impl Schedule {
    /// The lowest tier with a healthy endpoint takes turns. Where no endpoint is healthy the checks are not
    /// believed and all of them do: failing checks alone never empty a pool.
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let mut standby: Vec<(bool, u32, usize, u32)> = endpoints
            .iter()
            .filter(|endpoint| endpoint.weight > 0)
            .map(|it| (it.health().state == State::Unhealthy, it.priority, it.index, it.weight))
            .collect();
        standby.sort_unstable();
        let best = standby.first().map(|&(unhealthy, priority, _, _)| (unhealthy, priority));
        let active: Vec<(usize, u32)> = standby
            .iter()
            .filter(|&&(unhealthy, priority, _, _)| match best {
                Some((true, _)) => true,
                tier => tier == Some((unhealthy, priority)),
            })
            .map(|&(_, _, index, weight)| (index, weight))
            .collect();
        Self { turn: smooth(&active), standby: standby.into_iter().map(|(_, _, index, _)| index).collect() }
    }
}

/// One turn of smooth weighted round robin over `(index, weight)`.
fn smooth(active: &[(usize, u32)]) -> Vec<usize> {
    let weights = reduced(active);
    let total: i64 = weights.iter().sum();
    let mut current = vec![0_i64; active.len()];
    let mut turn = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for _ in 0..total {
        for (value, weight) in current.iter_mut().zip(&weights) {
            *value += weight;
        }
        // The last maximum would do as well; the first keeps the order of the file.
        let mut leader = 0;
        let mut highest = i64::MIN;
        for (place, &value) in current.iter().enumerate() {
            if value > highest {
                (leader, highest) = (place, value);
            }
        }
        if let (Some(value), Some(&(index, _))) = (current.get_mut(leader), active.get(leader)) {
            *value -= total;
            turn.push(index);
        }
    }
    turn
}

/// Weights divided by what they have in common, and scaled down where the turn would be too long.
fn reduced(active: &[(usize, u32)]) -> Vec<i64> {
    let divisor = active.iter().fold(0, |sum, &(_, weight)| gcd(sum, u64::from(weight))).max(1);
    let weights: Vec<u64> = active.iter().map(|&(_, weight)| u64::from(weight) / divisor).collect();
    let total: u64 = weights.iter().sum();
    let scale = |weight: u64| if total > LONGEST { (weight * LONGEST / total).max(1) } else { weight };
    weights.into_iter().map(|weight| i64::try_from(scale(weight)).unwrap_or(1)).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(weights: &[u32]) -> Vec<usize> {
        smooth(&weights.iter().copied().enumerate().collect::<Vec<_>>())
    }

    #[test]
    fn heavy_endpoints_do_not_take_their_turns_in_a_row() {
        assert_eq!(turn(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn common_factors_do_not_lengthen_the_turn() {
        assert_eq!(turn(&[200, 100]), [0, 1, 0]);
    }

    #[test]
    fn one_endpoint_alone_takes_every_turn() {
        assert_eq!(turn(&[7]), [0]);
    }

    proptest! {
        #[test]
        fn a_turn_gives_each_endpoint_its_share(weights in prop::collection::vec(1_u32..=1000, 1..20)) {
            let turn = turn(&weights);
            let total: u32 = weights.iter().sum();
            for (index, &weight) in weights.iter().enumerate() {
                let share = turn.iter().filter(|&&it| it == index).count() as f64 / turn.len() as f64;
                prop_assert!((share - f64::from(weight) / f64::from(total)).abs() < 0.01);
            }
        }
    }
}
