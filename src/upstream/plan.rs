//! Who may be chosen now. Made anew when a verdict changes, so that a pick only reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::Phase;
use super::demand::Tried;
use super::dice::{Dice, is_within};
use super::endpoint::Endpoint;
use super::verdict::{State, Verdict};
use crate::config;

/// The share with which a slow start begins.
const FIRST_SHARE: f32 = 0.1;
/// Draws before a member is looked for one by one. Only where most were tried or are warming is this not enough.
const DRAWS: usize = 8;

/// What a pool does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// It works on them.
    Open,
    /// Its own breaker is half-open: so many at the same time.
    OnTrial(u32),
    /// Everything is known to be bad until then.
    Bad(Instant),
    /// There is nobody to work on them.
    Empty,
}

/// An endpoint that may be chosen.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) endpoint: Arc<Endpoint>,
    /// When its slow start began, while it lasts.
    pub(super) warm_since: Option<Instant>,
}

/// Who may be chosen.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stance: Stance,
    /// The preferred tier.
    pub(super) members: Vec<Member>,
    /// Running sums of the members' weights.
    sums: Vec<u32>,
    /// The place of each endpoint among the members, by its index.
    places: Vec<Option<u32>>,
    /// Endpoints whose breaker waits for trials.
    pub(super) trials: Vec<Arc<Endpoint>>,
    /// Good endpoints of lesser tiers, best first: for retries.
    pub(super) standby: Vec<Arc<Endpoint>>,
    /// How many endpoints are good, how many have a weight, how many are ejected.
    pub(super) good: usize,
    pub(super) all: usize,
    pub(super) ejected: usize,
    /// When a verdict changes by itself.
    pub(super) until: Option<Instant>,
    slow_start: Duration,
    /// The member that is warm for longest, where all of them are warming.
    warmest: Option<Instant>,
}

struct Seen<'e> {
    endpoint: &'e Arc<Endpoint>,
    verdict: Verdict,
}

impl Plan {
    /// Asks every endpoint how it stands.
    ///
    /// The lowest tier with a good endpoint is used. Where none is good, checks alone are not believed: those
    /// that fail nothing but their checks are used. `own` is the phase of the pool's own breaker.
    pub(super) fn new(
        endpoints: &[Arc<Endpoint>],
        settings: &config::Upstream,
        own: Phase,
        now: Instant,
    ) -> Self {
        let seen: Vec<Seen<'_>> = endpoints
            .iter()
            .filter(|endpoint| endpoint.weight > 0)
            .map(|endpoint| Seen { endpoint, verdict: endpoint.verdict(now) })
            .collect();
        seen.iter().for_each(|it| it.endpoint.note(it.verdict.state));
        let count = |test: fn(State) -> bool| seen.iter().filter(|it| test(it.verdict.state)).count();
        let good = count(State::is_good);
        let threshold = usize::try_from(settings.panic_threshold).unwrap_or(0);
        let chosen = match good * 100 < threshold * seen.len() {
            true => seen.iter().collect(),
            false => preferred(&seen),
        };
        let mut plan = Self {
            stance: Stance::Open,
            members: chosen.iter().map(|it| member(it)).collect(),
            sums: Vec::new(),
            places: vec![None; endpoints.len()],
            trials: Vec::new(),
            standby: Vec::new(),
            good,
            all: seen.len(),
            ejected: count(|state| state == State::Ejected),
            until: seen.iter().filter_map(|it| it.verdict.until).chain(changes(own)).min(),
            slow_start: settings.slow_start.get(),
            warmest: None,
        };
        plan.index();
        plan.line_up(&seen);
        plan.stance = plan.stand(&seen, own);
        plan
    }

    fn index(&mut self) {
        let mut sum = 0_u32;
        for (place, member) in self.members.iter().enumerate() {
            sum = sum.saturating_add(member.endpoint.weight);
            self.sums.push(sum);
            if let Some(slot) = self.places.get_mut(member.endpoint.index) {
                *slot = u32::try_from(place).ok();
            }
        }
        let are_all_warming = self.members.iter().all(|member| member.warm_since.is_some());
        let oldest = self.members.iter().filter_map(|member| member.warm_since).min();
        self.warmest = oldest.filter(|_| are_all_warming);
    }

    /// Finds those on trial, unless their checks fail and there are better ones, and those who stand by.
    fn line_up(&mut self, seen: &[Seen<'_>]) {
        let tier = self.members.iter().map(|member| member.endpoint.priority).max();
        let is_wanted = |it: &Seen<'_>| {
            self.good == 0 || (it.verdict.is_passing && tier.is_none_or(|tier| it.endpoint.priority <= tier))
        };
        let on_trial = seen.iter().filter(|it| it.verdict.state == State::HalfOpen && is_wanted(it));
        self.trials = on_trial.map(|it| it.endpoint.clone()).collect();
        let spare = |it: &&Seen<'_>| it.verdict.state.is_good() && self.place(it.endpoint.index).is_none();
        self.standby = seen.iter().filter(spare).map(|it| it.endpoint.clone()).collect();
        self.standby.sort_by_key(|endpoint| (endpoint.priority, endpoint.index));
    }

    fn stand(&self, seen: &[Seen<'_>], own: Phase) -> Stance {
        let returns = seen.iter().filter_map(|it| it.verdict.until).min();
        match (own, returns) {
            _ if seen.is_empty() => Stance::Empty,
            (Phase::Open { until, .. }, _) => Stance::Bad(until),
            (Phase::HalfOpen { .. } | Phase::Closed, Some(until))
                if self.members.is_empty() && self.trials.is_empty() =>
            {
                Stance::Bad(until)
            }
            (Phase::HalfOpen { trials, .. }, _) => Stance::OnTrial(trials),
            (Phase::Closed, _) => Stance::Open,
        }
    }

    /// The place of an endpoint among the members.
    pub(super) fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).copied().flatten().and_then(|place| usize::try_from(place).ok())
    }

    /// The weights of all members together.
    pub(super) fn weight(&self) -> u32 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// Draws a member by its weight that is warm enough for it, and fits.
    pub(super) fn draw(
        &self,
        dice: &mut Dice,
        now: Instant,
        fits: impl Fn(&Endpoint) -> bool,
    ) -> Option<&Member> {
        (0..DRAWS).find_map(|_| {
            let mark = dice.below(self.weight());
            let member = self.members.get(self.sums.partition_point(|sum| *sum <= mark))?;
            (fits(&member.endpoint) && self.is_warm(member, dice.roll(), now)).then_some(member)
        })
    }

    /// The share a member takes of what its weight gives it, from a tenth to all of it.
    pub(super) fn share(&self, member: &Member, now: Instant) -> f32 {
        let Some(since) = member.warm_since else { return 1.0 };
        let warmest = self.warmest.map_or(1.0, |warmest| self.warmth(warmest, now));
        self.warmth(since, now) / warmest
    }

    /// What a member weighs now.
    pub(super) fn weight_of(&self, member: &Member, now: Instant) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "weights are far below 2^24")]
        let weight = member.endpoint.weight as f32;
        weight * self.share(member, now)
    }

    /// Whether a member takes the request that chance brought it.
    pub(super) fn is_warm(&self, member: &Member, random: u64, now: Instant) -> bool {
        member.warm_since.is_none() || is_within(random, self.share(member, now))
    }

    fn warmth(&self, since: Instant, now: Instant) -> f32 {
        let passed = now.saturating_duration_since(since).as_secs_f32();
        let done = (passed / self.slow_start.as_secs_f32().max(f32::MIN_POSITIVE)).min(1.0);
        FIRST_SHARE + (1.0 - FIRST_SHARE) * done
    }

    /// Someone who was not tried yet, members first, beginning anywhere among them.
    pub(super) fn untried(&self, tried: &Tried, dice: &mut Dice) -> Option<&Arc<Endpoint>> {
        let start = dice.below(u32::try_from(self.members.len()).unwrap_or(u32::MAX));
        let (before, after) = self.members.split_at_checked(usize::try_from(start).unwrap_or(0))?;
        let members = after.iter().chain(before).map(|member| &member.endpoint);
        members.chain(&self.standby).find(|endpoint| !tried.contains(endpoint.index))
    }
}

/// The good of the lowest tier that has any; else those that fail nothing but their checks.
fn preferred<'s, 'e>(seen: &'s [Seen<'e>]) -> Vec<&'s Seen<'e>> {
    let good = seen.iter().filter(|it| it.verdict.state.is_good());
    match good.clone().map(|it| it.endpoint.priority).min() {
        Some(tier) => good.filter(|it| it.endpoint.priority == tier).collect(),
        None => seen.iter().filter(|it| it.verdict.state == State::Unhealthy).collect(),
    }
}

fn member(seen: &Seen<'_>) -> Member {
    let warm_since = (seen.verdict.state == State::Warming).then_some(seen.verdict.since);
    Member { endpoint: seen.endpoint.clone(), warm_since }
}

fn changes(own: Phase) -> Option<Instant> {
    match own {
        Phase::Open { until, .. } => Some(until),
        Phase::Closed | Phase::HalfOpen { .. } => None,
    }
}
