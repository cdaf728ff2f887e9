//! A consistent hash ring with bounded load (Karger et al. 1997; Mirrokni et al. 2018): each endpoint stands at
//! many points of a circle, a key belongs to the next one after it. One that takes no traffic, or already has a
//! quarter more than its share of the requests in flight, is passed over: only its own keys move.

use std::sync::Arc;

use super::{Ask, draw};
use crate::upstream::dice::{Dice, scramble};
use crate::upstream::endpoint::Endpoint;
use crate::upstream::hash;
use crate::upstream::plan::{Member, Plan};

/// Points of an endpoint of weight 1: enough for shares within half a percent.
const UNIT: u64 = 1 << 14;
/// Most points on a ring, 8 MB of them. Beyond, a unit of weight has a quarter of the points, and so on.
const POINTS: u64 = 1 << 20;
/// Points looked at before the first member found is taken although it is busy.
const WALK: usize = 4_096;

/// The circle is looked up in this many arcs first: few enough to stay in the processor's cache.
const ARCS: u32 = 1 << 14;

/// Points of the circle.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Each with the index of its endpoint, in order.
    points: Vec<(u32, u32)>,
    /// The place of the first point of each arc, and one more for the end.
    arcs: Vec<usize>,
}

impl Ring {
    /// A ring of all endpoints, whatever is known of them.
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Self {
        let total: u64 = endpoints.iter().map(|endpoint| u64::from(endpoint.weight)).sum();
        let mut points = Vec::new();
        for endpoint in endpoints {
            let name = hash(endpoint.name.as_bytes());
            let index = u32::try_from(endpoint.index).unwrap_or(u32::MAX);
            points.extend((0..count(endpoint.weight, total)).map(|number| (at(name, number), index)));
        }
        points.sort_unstable();
        let first = |arc: u32| points.partition_point(|(point, _)| arc_of(*point) < arc);
        let arcs = (0..=ARCS).map(first).collect();
        Self { points, arcs }
    }

    pub(super) fn choose<'p>(&self, plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
        let Some(key) = ask.demand.key else { return draw::random(plan, ask, dice) };
        let (before, after) = self.points.split_at_checked(self.after(high(key))?)?;
        let mut first = None;
        for (_, index) in after.iter().chain(before).take(WALK) {
            let Some(member) = self.member(plan, ask, *index) else { continue };
            // Slow start by key: the same keys come back first, and stay.
            let chance = scramble(key ^ u64::from(*index));
            if !plan.is_warm(member, chance, ask.now()) {
                continue;
            }
            if has_room(plan, member, ask.active) {
                return Some(member);
            }
            first = first.or(Some(member));
        }
        first
    }

    /// The place of the first point that is not before this one.
    fn after(&self, mark: u32) -> Option<usize> {
        let arc = usize::try_from(arc_of(mark)).ok()?;
        let (from, to) = (*self.arcs.get(arc)?, *self.arcs.get(arc + 1)?);
        Some(from + self.points.get(from..to)?.partition_point(|(point, _)| *point < mark))
    }

    fn member<'p>(&self, plan: &'p Plan, ask: &Ask<'_>, index: u32) -> Option<&'p Member> {
        let member = plan.members.get(plan.place(usize::try_from(index).ok()?)?)?;
        ask.fits(&member.endpoint).then_some(member)
    }
}

/// Whether a member may take one more: up to 1.25 times its share of all requests in flight.
fn has_room(plan: &Plan, member: &Member, active: u32) -> bool {
    let (in_flight, weight) = (u64::from(member.endpoint.in_flight()), u64::from(member.endpoint.weight));
    4 * in_flight * u64::from(plan.weight()) < 5 * u64::from(active) * weight
}

/// The points of an endpoint. As many for each unit of weight whatever the total, up to 64, then up to 256 and
/// so on: an endpoint that comes or goes changes the points of the others only where the total passes such a mark.
fn count(weight: u32, total: u64) -> u64 {
    let mut share = UNIT;
    let mut shrunk = 1;
    while total.saturating_mul(share) / shrunk > POINTS {
        if share > 1 { share /= 4 } else { shrunk *= 4 }
    }
    if weight == 0 { 0 } else { (u64::from(weight) * share / shrunk).max(1) }
}

fn at(name: u64, number: u64) -> u32 {
    high(scramble(name.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))))
}

fn arc_of(point: u32) -> u32 {
    point / (u32::MAX / ARCS + 1)
}

/// The upper half of a number.
fn high(number: u64) -> u32 {
    u32::try_from(number >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fit_the_ring_and_follow_the_weights() {
        for (total, unit) in [(1, 16_384), (64, 16_384), (65, 4_096), (1_000, 1_024)] {
            assert_eq!(count(1, total), unit, "{total}");
            assert_eq!(count(3, total), 3 * unit, "{total}");
        }
        assert_eq!(count(1_000, 1_000_000), 1_000);
        assert_eq!(count(1_000, 16_000_000), 62);
        assert_eq!((count(1, 16_000_000), count(0, 10)), (1, 0));
    }
}
