//! A pool: picks an endpoint for each try and learns from checks and outcomes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::endpoint::{Endpoint, InFlight};
use super::health::State;
use super::outcome::Outcome;
use super::schedule::Schedule;
use crate::config;

/// The pools by name.
pub type Pools = BTreeMap<String, Arc<Pool>>;

/// A pool of interchangeable backends.
#[derive(Debug)]
pub struct Pool {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What the configuration says of it.
    pub settings: config::Upstream,
    endpoints: Vec<Arc<Endpoint>>,
    schedule: ArcSwap<Schedule>,
    cursor: AtomicUsize,
}

/// An endpoint chosen for one try; counts as in flight there while it lives.
pub type Pick = InFlight;

/// Most tries of one request: the first and as many retries as the configuration may ask for.
const MOST_TRIES: usize = 11;

/// Which endpoints of the pool this request has tried already. Kept inline: every request has one.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    indexes: [usize; MOST_TRIES],
    count: usize,
}

impl Tried {
    /// How many tries were made.
    pub fn count(&self) -> usize {
        self.count
    }

    fn contains(&self, index: usize) -> bool {
        self.indexes.iter().take(self.count).any(|&it| it == index)
    }

    fn push(&mut self, index: usize) {
        if let Some(place) = self.indexes.get_mut(self.count) {
            *place = index;
        }
        self.count += 1;
    }
}

impl Pool {
    /// A pool with every endpoint healthy.
    pub fn new(name: &str, settings: &config::Upstream, now: Instant) -> Self {
        let health = settings.health.as_ref();
        let endpoints: Vec<_> = (settings.endpoints.iter().enumerate())
            .map(|(index, endpoint)| Arc::new(Endpoint::new(index, endpoint, health, now)))
            .collect();
        let schedule = ArcSwap::from_pointee(Schedule::new(&endpoints));
        Self {
            name: name.into(),
            settings: settings.clone(),
            endpoints,
            schedule,
            cursor: AtomicUsize::new(0),
        }
    }

    /// The endpoints, in the order of the configuration.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Chooses an endpoint for the next try and marks it as tried.
    ///
    /// One that was not tried yet comes first, even of a lesser tier; after that any may be tried again.
    /// `None` only where no endpoint takes traffic at all.
    pub fn pick(&self, tried: &mut Tried) -> Option<Pick> {
        let schedule = self.schedule.load();
        // Only the first try takes a turn: if retries did, each request could begin at the same dead endpoint.
        let first = if tried.count == 0 { self.next(&schedule) } else { None };
        let index = first.or_else(|| self.untried(&schedule, tried)).or_else(|| self.next(&schedule))?;
        tried.push(index);
        self.endpoints.get(index).map(|endpoint| InFlight::new(endpoint.clone()))
    }

    /// Takes what came of a try.
    pub fn report(&self, endpoint: &Endpoint, outcome: Outcome) {
        endpoint.count(outcome);
    }

    /// Takes the result of an active check; the new state if the verdict changed.
    pub fn observe(&self, endpoint: &Endpoint, result: Result<(), String>, now: Instant) -> Option<State> {
        let changed = endpoint.observe(result, now);
        if changed {
            // Checks of one pool may end at the same time: each writes a schedule made after its own change,
            // and `rcu` makes the last one written see them all.
            self.schedule.rcu(|_| Schedule::new(&self.endpoints));
        }
        changed.then(|| endpoint.health().state)
    }

    /// How many endpoints would be chosen from now, and how many there are.
    pub fn usable(&self) -> (usize, usize) {
        let healthy = self.endpoints.iter().filter(|it| it.weight > 0 && it.health().state == State::Healthy);
        (healthy.count(), self.endpoints.len())
    }

    fn next(&self, schedule: &Schedule) -> Option<usize> {
        let turn = self.cursor.fetch_add(1, Ordering::Relaxed);
        schedule.turn.get(turn.checked_rem(schedule.turn.len())?).copied()
    }

    fn untried(&self, schedule: &Schedule, tried: &Tried) -> Option<usize> {
        let (length, cursor) = (schedule.turn.len(), self.cursor.load(Ordering::Relaxed));
        let place = |ahead| schedule.turn.get(cursor.wrapping_add(ahead).checked_rem(length)?).copied();
        let in_turn = (0..length).filter_map(place).find(|it| !tried.contains(*it));
        in_turn.or_else(|| schedule.standby.iter().copied().find(|it| !tried.contains(*it)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(endpoints: &str) -> Pool {
        let text = format!(
            "endpoints = [{endpoints}]\nhealth = {{ tcp = true, unhealthy_after = 1, healthy_after = 1 }}"
        );
        Pool::new("test", &toml::from_str(&text).unwrap(), Instant::now())
    }

    fn three() -> Pool {
        pool(
            "{ address = '127.0.0.1:1', weight = 2 }, { address = '127.0.0.1:2' }, \
             { address = '127.0.0.1:3', priority = 1 }",
        )
    }

    fn fail(pool: &Pool, index: usize) {
        pool.observe(&pool.endpoints()[index], Err("down".to_owned()), Instant::now());
    }

    fn picks(pool: &Pool, count: usize) -> Vec<usize> {
        (0..count).map(|_| pool.pick(&mut Tried::default()).unwrap().endpoint().index).collect()
    }

    #[test]
    fn weights_share_the_preferred_tier() {
        assert_eq!(picks(&three(), 6), [0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn an_unhealthy_endpoint_is_not_chosen() {
        let pool = three();
        fail(&pool, 0);
        assert_eq!(picks(&pool, 3), [1, 1, 1]);
    }

    #[test]
    fn the_next_tier_is_used_when_the_first_is_down_and_left_when_it_recovers() {
        let pool = three();
        fail(&pool, 0);
        fail(&pool, 1);
        assert_eq!(picks(&pool, 2), [2, 2]);
        pool.observe(&pool.endpoints()[1], Ok(()), Instant::now());
        assert_eq!(picks(&pool, 2), [1, 1]);
    }

    #[test]
    fn failing_checks_alone_never_empty_a_pool() {
        let pool = three();
        (0..3).for_each(|index| fail(&pool, index));
        let mut chosen = picks(&pool, 8);
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen, [0, 1, 2]);
    }

    #[test]
    fn a_retry_goes_to_another_endpoint_first() {
        let pool = three();
        let mut tried = Tried::default();
        let mut chosen: Vec<usize> =
            (0..3).map(|_| pool.pick(&mut tried).unwrap().endpoint().index).collect();
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1, 2]);
        assert!(pool.pick(&mut tried).is_some(), "after all were tried, any may be tried again");
    }

    #[test]
    fn retries_take_no_turn_so_that_not_every_request_begins_at_the_dead_endpoint() {
        let pool = pool("{ address = '127.0.0.1:1' }, { address = '127.0.0.1:2' }");
        let began_at_the_first = (0..6).filter(|_| {
            let mut tried = Tried::default();
            let is_dead = pool.pick(&mut tried).unwrap().endpoint().index == 0;
            is_dead && pool.pick(&mut tried).unwrap().endpoint().index == 1
        });
        assert_eq!(began_at_the_first.count(), 3);
    }

    #[test]
    fn an_endpoint_without_weight_takes_nothing() {
        let pool = pool("{ address = '127.0.0.1:1', weight = 0 }, { address = '127.0.0.1:2' }");
        assert_eq!(picks(&pool, 3), [1, 1, 1]);
    }

    #[test]
    fn a_pick_counts_as_in_flight_while_it_lives() {
        let pool = three();
        let pick = pool.pick(&mut Tried::default()).unwrap();
        let endpoint = pick.endpoint().clone();
        assert_eq!(endpoint.in_flight(), 1);
        drop(pick);
        assert_eq!(endpoint.in_flight(), 0);
    }
}
