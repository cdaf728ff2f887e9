//! Smooth weighted round robin: endpoints take turns, each as often as its weight says and evenly spread.
//!
//! The whole turn is written out when the members change; then a pick is one atomic add, whatever their number.
//! The order is that of a fair queue (WF2Q, Bennett and Zhang 1996): nobody is ever a whole request ahead of its
//! share or behind it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::Ask;
use crate::upstream::dice::Dice;
use crate::upstream::plan::{Member, Plan};

/// Longest turn written out; larger weights are scaled down to fit, which costs under 1 % of precision.
const LONGEST: u64 = 16_384;
/// Turns passed over, because the endpoint was tried or is warming, before others are looked for one by one.
const MOST_PASSED: usize = 64;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Indexes of endpoints.
    order: ArcSwap<Vec<usize>>,
    cursor: AtomicUsize,
}

impl Turns {
    /// Writes the turn of the plan's members.
    pub(super) fn write(&self, plan: &Plan) {
        let members = plan.members.iter().map(|member| (member.endpoint.index, member.endpoint.weight));
        self.order.store(smooth(&members.collect::<Vec<_>>()).into());
    }

    pub(super) fn choose<'p>(&self, plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
        let order = self.order.load();
        (0..order.len().min(MOST_PASSED)).find_map(|ahead| {
            // Only first tries take turns: if retries did, every request could begin at the same dead endpoint.
            let turn = match ask.tried.count() {
                0 => self.cursor.fetch_add(1, Ordering::Relaxed),
                _ => self.cursor.load(Ordering::Relaxed).wrapping_add(ahead),
            };
            let turn = turn.checked_rem(order.len())?;
            // The order may be one of a younger plan.
            let member = plan.members.get(plan.place(*order.get(turn)?)?)?;
            let fits = ask.fits(&member.endpoint) && plan.is_warm(member, dice.roll(), ask.now());
            fits.then_some(member)
        })
    }
}

/// One turn over `(index, weight)`.
///
/// The n-th request of an endpoint is due between n and n + 1 times its interval. Of those that may begin the
/// one goes first that must end first.
fn smooth(members: &[(usize, u32)]) -> Vec<usize> {
    let weights = reduced(members);
    let total: u64 = weights.iter().sum();
    let due =
        |place: usize, number: u64| weights.get(place).map_or(0, |weight| ((number * total) << 16) / weight);
    let mut waiting: BinaryHeap<_> = (0..weights.len()).map(|place| Reverse((0, place, 0))).collect();
    let mut ready = BinaryHeap::new();
    let mut turn = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for step in 0..total {
        while let Some(&Reverse((_, place, number))) = waiting.peek().filter(|next| next.0.0 <= step << 16) {
            waiting.pop();
            ready.push(Reverse((due(place, number + 1), place, number)));
        }
        let Some(Reverse((end, place, number))) = ready.pop() else { continue };
        waiting.push(Reverse((end, place, number + 1)));
        turn.extend(members.get(place).map(|(index, _)| *index));
    }
    turn
}

/// Weights divided by what they have in common, and scaled down where the turn would be too long.
fn reduced(members: &[(usize, u32)]) -> Vec<u64> {
    let divisor = members.iter().fold(0, |sum, &(_, weight)| gcd(sum, u64::from(weight))).max(1);
    let weights: Vec<u64> = members.iter().map(|&(_, weight)| u64::from(weight) / divisor).collect();
    let total: u64 = weights.iter().sum();
    let scale = |weight: u64| if total > LONGEST { (weight * LONGEST / total).max(1) } else { weight };
    weights.into_iter().map(scale).collect()
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
        assert_eq!(turn(&[5, 1, 1]), [0, 1, 0, 0, 2, 0, 0]);
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

        #[test]
        fn nobody_is_ever_a_request_ahead_or_behind(weights in prop::collection::vec(1_u32..=30, 1..10)) {
            let turn = turn(&weights);
            let total: u32 = weights.iter().sum();
            let mut had = vec![0_i64; weights.len()];
            for (step, index) in (1_i64..).zip(turn.iter().chain(&turn)) {
                had[*index] += 1;
                for (had, weight) in had.iter().zip(&weights) {
                    let error = had * i64::from(total) - step * i64::from(*weight);
                    prop_assert!(error.abs() <= i64::from(total), "{turn:?}");
                }
            }
        }
    }
}
