//! Balancers that draw by weight: one endpoint, or the better of two (Mitzenmacher, "The power of two choices").
//!
//! Weights act in the draw. Where nothing tells the two apart the first one wins, so that the shares of an idle
//! pool are exactly those of the weights.

use std::time::Instant;

use super::Ask;
use crate::upstream::dice::Dice;
use crate::upstream::plan::{Member, Plan};

/// Two endpoints that differ by less are the same: else the smallest difference would turn all traffic.
const NOISE: f32 = 1.25;

pub(super) fn random<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
    plan.draw(dice, ask.now(), |endpoint| ask.fits(endpoint))
}

/// The one with fewer requests in flight.
pub(super) fn p2c<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
    let (first, second) = two(plan, ask, dice)?;
    Some(match second {
        Some(second) if second.endpoint.in_flight() < first.endpoint.in_flight() => second,
        _ => first,
    })
}

/// The one with fewer requests in flight for its weight.
pub(super) fn least_request<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
    let (first, second) = two(plan, ask, dice)?;
    let crowd = |member| crowd(plan, member, ask.now());
    Some(match second {
        Some(second) if crowd(second) < crowd(first) => second,
        _ => first,
    })
}

/// The one that would answer sooner. One that asked for a pause is drawn only where there is no other.
pub(super) fn peak_ewma<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Member> {
    let now = ask.now();
    let first = plan.draw(dice, now, |it| ask.fits(it) && it.paused_until(now).is_none());
    let Some(first) = first else { return random(plan, ask, dice) };
    let second = plan.draw(dice, now, |it| {
        ask.fits(it) && it.index != first.endpoint.index && it.paused_until(now).is_none()
    });
    Some(match second {
        Some(second) if is_sooner(plan, second, first, now) => second,
        _ => first,
    })
}

/// One of which nothing is known yet is compared by its requests in flight alone: as good as the other, so that
/// it is neither flooded nor shunned.
fn is_sooner(plan: &Plan, one: &Member, other: &Member, now: Instant) -> bool {
    let (crowd, other_crowd) = (crowd(plan, one, now), crowd(plan, other, now));
    match (expected(one, crowd, now), expected(other, other_crowd, now)) {
        (Some(micros), Some(other_micros)) => NOISE * micros < other_micros,
        (None, _) | (_, None) => crowd < other_crowd,
    }
}

/// Microseconds in which an answer may be expected; `None` where nothing is known yet.
pub(super) fn expected_micros(plan: &Plan, member: &Member, now: Instant) -> Option<f32> {
    expected(member, crowd(plan, member, now), now)
}

fn expected(member: &Member, crowd: f32, now: Instant) -> Option<f32> {
    member.endpoint.micros(now).map(|micros| micros * (1.0 + crowd))
}

/// Requests in flight, as many as they would be if all members had the same weight.
pub(super) fn crowd(plan: &Plan, member: &Member, now: Instant) -> f32 {
    let in_flight = member.endpoint.in_flight();
    if in_flight == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "weights and counts are far below 2^24")]
    let (in_flight, mean, weight) = (
        in_flight as f32,
        plan.weight() as f32 / plan.members.len() as f32,
        member.endpoint.weight as f32 * plan.share(member, now),
    );
    in_flight * mean / weight
}

/// Two different members; only one where the other could not be found.
fn two<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<(&'p Member, Option<&'p Member>)> {
    let first = random(plan, ask, dice)?;
    let is_other = |index| index != first.endpoint.index;
    let second = plan.draw(dice, ask.now(), |endpoint| ask.fits(endpoint) && is_other(endpoint.index));
    Some((first, second))
}
