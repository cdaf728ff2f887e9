//! A pool: picks an endpoint for each try and learns from checks and outcomes.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use super::balance::{Ask, Balancer};
use super::breaker::{Breaker, Phase, Turn};
use super::demand::{Demand, Refused, Tried};
use super::dice::Dice;
use super::endpoint::{Endpoint, Vitals};
use super::learned::{Allowance, Wish};
use super::load::{Load, Pick, RetryPermit, Seat};
use super::outcome::Outcome;
use super::plan::{Plan, Stance};
use super::standing::{Standing, standings};
use super::verdict::Verdict;
use crate::config::{self, BreakerScope};

/// The pools by name.
pub type Pools = BTreeMap<String, Arc<Pool>>;

/// What a client is told where only trials under way decide when there is room again.
const SOON: Duration = Duration::from_secs(1);

/// Endpoints on trial that one pick asks for a place, where there are others to go to.
const MOST_TRIALS: usize = 2;

/// A pool of interchangeable backends.
#[derive(Debug)]
pub struct Pool {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What the configuration says of it.
    pub settings: config::Upstream,
    endpoints: Vec<Arc<Endpoint>>,
    balancer: Balancer,
    plan: ArcSwap<Plan>,
    /// Held while verdicts change and the plan is made anew, so that no two endpoints leave believing each other
    /// to stay. An endpoint's own lock may be taken while it is held, never the other way round.
    breaker: Mutex<Option<Breaker>>,
    load: Arc<Load>,
    /// Set when a reload took the pool out of use. Nobody (`Weak::new`) where none took over.
    successor: OnceLock<Weak<Pool>>,
}

impl Pool {
    /// A pool of which nothing bad is known.
    pub fn new(name: &str, settings: &config::Upstream, now: Instant) -> Self {
        let vitals = |_: &config::Endpoint| Arc::new(Vitals::new(settings, None, now));
        Self::assemble(name, settings, (Arc::default(), own_breaker(settings, now)), (vitals, now))
    }

    /// The pool as new settings want it. What is known of endpoints that stay is kept, and so is what is under
    /// way; endpoints that are new start slowly.
    pub fn renewed(&self, settings: &config::Upstream, now: Instant) -> Self {
        let known: BTreeMap<_, _> = self.endpoints.iter().map(|it| (&it.address, &it.vitals)).collect();
        let vitals = |endpoint: &config::Endpoint| match known.get(&endpoint.address) {
            Some(vitals) => {
                vitals.lock().reconfigure(&self.settings, settings, now);
                (*vitals).clone()
            }
            None => Arc::new(Vitals::new(settings, Some(now), now)),
        };
        let mut breaker = self.lock().clone();
        match &mut breaker {
            Some(breaker) if settings.breaker.scope == BreakerScope::Pool => {
                breaker.reconfigure(&self.settings.breaker, &settings.breaker, now);
            }
            Some(_) | None => breaker = own_breaker(settings, now),
        }
        Self::assemble(&self.name, settings, (self.load.clone(), breaker), (vitals, now))
    }

    fn assemble(
        name: &str,
        settings: &config::Upstream,
        (load, breaker): (Arc<Load>, Option<Breaker>),
        (vitals, now): (impl Fn(&config::Endpoint) -> Arc<Vitals>, Instant),
    ) -> Self {
        let endpoints: Vec<_> = (settings.endpoints.iter().enumerate())
            .map(|(index, endpoint)| Arc::new(Endpoint::new(index, endpoint, vitals(endpoint))))
            .collect();
        let balancer = Balancer::new(&settings.balance, &endpoints);
        let plan = Plan::new(&endpoints, settings, phase(breaker.as_ref(), now), now);
        balancer.adopt(&plan);
        Self {
            name: name.into(),
            settings: settings.clone(),
            endpoints,
            balancer,
            plan: ArcSwap::from_pointee(plan),
            breaker: Mutex::new(breaker),
            load,
            successor: OnceLock::new(),
        }
    }

    /// Takes the pool out of use. Requests under way end in it; what they teach reaches the one that took over.
    pub fn retire(&self, successor: Option<&Arc<Self>>, now: Instant) {
        // A pool is retired once: its place has been taken then.
        let _ = self.successor.set(successor.map_or_else(Weak::new, Arc::downgrade));
        // What was learned since that one was made.
        self.pass_on(now);
    }

    /// Whether a reload took the pool out of use.
    pub fn is_retired(&self) -> bool {
        self.successor.get().is_some()
    }

    /// The endpoints, in the order of the configuration.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Chooses an endpoint for the next try and marks it as tried.
    ///
    /// One that was not tried yet comes first, even of a lesser tier; after that any may be tried again. Does not
    /// allocate, unless the time has come for a verdict to change by itself.
    ///
    /// # Errors
    /// Nobody takes traffic, all are known to be bad, or the pool works on `max_concurrency` requests.
    pub fn pick(&self, tried: &mut Tried, demand: &Demand) -> Result<Pick, Refused> {
        let plan = self.plan_at(demand.now);
        let most = match plan.stance {
            Stance::Empty => return Err(Refused::NoEndpoint),
            Stance::Bad(until) => return Err(all_bad(until.saturating_duration_since(demand.now))),
            Stance::OnTrial(most) => Some(most),
            Stance::Open => None,
        };
        let mut seat = Seat::take(&self.load, self.settings.max_concurrency).ok_or(Refused::Full)?;
        if most.is_some_and(|most| !seat.begin_trial(most)) {
            return Err(all_bad(SOON));
        }
        let mut dice = Dice::new(demand.random);
        let ask = Ask { tried, demand, active: self.load.active() };
        let (endpoint, is_trial) = match trial(&plan, &ask, &mut dice) {
            Some(endpoint) => (endpoint, true),
            None => (self.choose(&plan, &ask, &mut dice).ok_or(all_bad(SOON))?, false),
        };
        tried.push(endpoint.index);
        Ok(Pick::new(endpoint.clone(), is_trial, seat))
    }

    /// Takes what came of a try; the endpoint's new verdict if it changed. Does not allocate otherwise.
    pub fn report(&self, pick: &Pick, outcome: Outcome, now: Instant) -> Option<Verdict> {
        let endpoint = pick.endpoint();
        let wish = endpoint.learn(outcome, pick.is_trial, now);
        if wish == Wish::Stay {
            return None;
        }
        let own = self.lock();
        if wish == Wish::Leave && !endpoint.leave(self.allowance(&own, endpoint, now), outcome, now) {
            return None;
        }
        self.replan(&own, now);
        drop(own);
        self.pass_on(now);
        Some(endpoint.verdict(now))
    }

    /// Endpoints are shared with the pool that took over: it looks at them again.
    fn pass_on(&self, now: Instant) {
        let next = self.successor.get().and_then(Weak::upgrade);
        if let Some(next) = next {
            next.replan(&next.lock(), now);
            next.pass_on(now);
        }
    }

    /// Takes what came of a request after all its tries, for the breaker of a whole pool.
    pub fn conclude(&self, last: &Pick, outcome: Outcome, now: Instant) {
        if self.settings.breaker.scope != BreakerScope::Pool || matches!(outcome, Outcome::Abandoned { .. }) {
            return;
        }
        let mut own = self.lock();
        let Some(breaker) = own.as_mut() else { return };
        let turn = match outcome.is_failure() {
            true => breaker.fail(last.seat.is_trial, now),
            false => breaker.pass(last.seat.is_trial, now),
        };
        if turn == Turn::ShouldOpen {
            breaker.open(now);
        }
        // Each trial that succeeds leaves one less to do.
        if turn != Turn::Stay || last.seat.is_trial {
            self.replan(&own, now);
        }
    }

    /// Takes the result of an active check; the new verdict if it changed.
    pub fn observe(&self, endpoint: &Endpoint, result: Result<(), String>, now: Instant) -> Option<Verdict> {
        let own = self.lock();
        if !endpoint.observe(result, self.settings.outlier.uneject_on_check, now) {
            return None;
        }
        self.replan(&own, now);
        drop(own);
        self.pass_on(now);
        Some(endpoint.verdict(now))
    }

    /// Leave for a retry within the pool's budget; it is given back when the permit is dropped.
    ///
    /// Not to be asked for where nothing can have reached the endpoint: such retries are free. May be asked for
    /// again, as [`permit_by`](super::permit_by) does.
    pub fn permit_retry(&self) -> Option<RetryPermit> {
        RetryPermit::take(&self.load, self.settings.retry.budget_percent)
    }

    /// Counts a retry that is not made, because there was no leave for it in time.
    pub(super) fn forgo_retry(&self) {
        self.load.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// How each endpoint stands in the eyes of the balancer.
    pub fn standings(&self, now: Instant) -> Vec<Standing> {
        let plan = self.plan_at(now);
        standings(&self.endpoints, &plan, |endpoint| self.balancer.cost(&plan, endpoint, now), now)
    }

    /// The endpoint a key belongs to now; `None` where keys do not decide.
    pub fn owner(&self, key: u64, now: Instant) -> Option<Arc<Endpoint>> {
        let (plan, tried) = (self.plan_at(now), Tried::default());
        let demand = Demand { now, random: 0, key: Some(key) };
        let ask = Ask { tried: &tried, demand: &demand, active: self.load.active() + 1 };
        self.balancer.owner(&plan, &ask).map(|member| member.endpoint.clone())
    }

    /// The word of the pool's own breaker; `None` where it has none.
    pub fn breaker(&self, now: Instant) -> Option<&'static str> {
        self.lock().as_ref().map(|breaker| match breaker.phase(now) {
            Phase::Closed => "closed",
            Phase::Open { .. } => "open",
            Phase::HalfOpen { .. } => "half_open",
        })
    }

    /// Why a request would be refused now, if it would.
    pub fn refusal(&self, now: Instant) -> Option<Refused> {
        match self.plan_at(now).stance {
            Stance::Empty => Some(Refused::NoEndpoint),
            Stance::Bad(until) => Some(all_bad(until.saturating_duration_since(now))),
            Stance::Open | Stance::OnTrial(_) => {
                (self.load.active() >= self.settings.max_concurrency).then_some(Refused::Full)
            }
        }
    }

    /// When a pool that refuses everything may take requests again.
    pub fn refuses_until(&self, now: Instant) -> Option<Instant> {
        match self.plan_at(now).stance {
            Stance::Bad(until) => Some(until),
            Stance::Open | Stance::OnTrial(_) | Stance::Empty => None,
        }
    }

    /// How many endpoints nothing speaks against now, and how many there are.
    pub fn usable(&self, now: Instant) -> (usize, usize) {
        (self.plan_at(now).good, self.endpoints.len())
    }

    /// Requests in flight.
    pub fn active(&self) -> u32 {
        self.load.active()
    }

    /// Requests refused because the pool worked on as many as it may.
    pub fn refused_full(&self) -> u64 {
        self.load.full.load(Ordering::Relaxed)
    }

    /// Retries not made because as many as may be were under way for too long.
    pub fn budget_exhausted(&self) -> u64 {
        self.load.exhausted.load(Ordering::Relaxed)
    }

    fn choose<'p>(&self, plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Arc<Endpoint>> {
        if let Some(member) = self.balancer.choose(plan, ask, dice) {
            return Some(&member.endpoint);
        }
        if let Some(endpoint) = plan.untried(ask.tried, dice) {
            return Some(endpoint);
        }
        let again = plan.draw(dice, ask.demand.now, |_| true).or(plan.members.first());
        again.map(|member| &member.endpoint)
    }

    /// The plan as it is at this time.
    fn plan_at(&self, now: Instant) -> Guard<Arc<Plan>> {
        let plan = self.plan.load();
        if plan.until.is_some_and(|until| until <= now)
            && let Ok(own) = self.breaker.try_lock()
        {
            self.replan(&own, now);
            return self.plan.load();
        }
        plan
    }

    fn replan(&self, own: &MutexGuard<'_, Option<Breaker>>, now: Instant) {
        let plan = Plan::new(&self.endpoints, &self.settings, phase(own.as_ref(), now), now);
        self.balancer.adopt(&plan);
        self.plan.store(Arc::new(plan));
    }

    /// What can be spared now. The plan knows: nobody leaves without the lock.
    fn allowance(&self, own: &MutexGuard<'_, Option<Breaker>>, leaver: &Endpoint, now: Instant) -> Allowance {
        if self.plan.load().until.is_some_and(|until| until <= now) {
            self.replan(own, now);
        }
        let plan = self.plan.load();
        let most = usize::try_from(self.settings.outlier.max_ejection_percent).unwrap_or(100);
        Allowance {
            others: plan.good.saturating_sub(usize::from(leaver.is_noted_good())),
            may_eject: plan.ejected == 0 || (plan.ejected + 1) * 100 <= most * plan.all,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Breaker>> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A trial for a breaker that is half-open. First tries only: a retry has failed once already.
fn trial<'p>(plan: &'p Plan, ask: &Ask<'_>, dice: &mut Dice) -> Option<&'p Arc<Endpoint>> {
    let is_welcome = ask.tried.count() == 0 || plan.members.is_empty();
    if plan.trials.is_empty() || !is_welcome {
        return None;
    }
    let most = if plan.members.is_empty() { plan.trials.len() } else { MOST_TRIALS };
    let start = usize::try_from(dice.below(u32::try_from(plan.trials.len()).ok()?)).ok()?;
    let (before, after) = plan.trials.split_at_checked(start)?;
    after.iter().chain(before).take(most).find(|it| it.vitals.begin_trial(ask.demand.now))
}

fn all_bad(retry_after: Duration) -> Refused {
    Refused::AllBad { retry_after }
}

fn own_breaker(settings: &config::Upstream, now: Instant) -> Option<Breaker> {
    (settings.breaker.scope == BreakerScope::Pool).then(|| Breaker::new(&settings.breaker, now))
}

fn phase(breaker: Option<&Breaker>, now: Instant) -> Phase {
    breaker.map_or(Phase::Closed, |breaker| breaker.phase(now))
}
