//! Pools walked through random days with synthetic time: what must hold after every event.

use std::collections::BTreeMap;
use std::time::Instant;

use proptest::prelude::*;

use super::dice::Dice;
use super::properties::{BALANCERS, MS, settings, success};
use super::*;

/// What happens to a pool.
#[derive(Debug, Clone)]
enum Event {
    Wait(u32),
    Pick { retries: u8 },
    Answer { which: usize, fails: bool },
    Leave { which: usize },
    Check { endpoint: usize, passes: bool },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..4_000_u32).prop_map(Event::Wait),
        8 => (0..3_u8).prop_map(|retries| Event::Pick { retries }),
        8 => (any::<usize>(), prop::bool::weighted(0.7)).prop_map(|(which, fails)| Event::Answer { which, fails }),
        1 => any::<usize>().prop_map(|which| Event::Leave { which }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(endpoint, passes)| Event::Check { endpoint, passes }),
    ]
}

/// A pool and what must be true of it.
struct Day {
    pool: Pool,
    now: Instant,
    dice: Dice,
    held: Vec<Pick>,
    /// When each endpoint last succeeded.
    passed: BTreeMap<usize, Instant>,
}

impl Day {
    fn states(&self) -> Vec<State> {
        self.pool.endpoints().iter().map(|endpoint| endpoint.verdict(self.now).state).collect()
    }

    fn live(&mut self, event: &Event) {
        let before = self.states();
        match *event {
            Event::Wait(millis) => self.now += MS * millis,
            Event::Pick { retries } => self.pick(retries, &before),
            Event::Leave { which } => drop((!self.held.is_empty()).then(|| self.take(which))),
            Event::Answer { which, fails } if !self.held.is_empty() => {
                let pick = self.take(which);
                self.answer(&pick, fails, &before);
            }
            Event::Answer { .. } => {}
            Event::Check { endpoint, passes } => {
                let endpoint = &self.pool.endpoints()[endpoint % before.len()];
                let result = if passes { Ok(()) } else { Err("down".to_owned()) };
                self.pool.observe(endpoint, result, self.now);
            }
        }
        let flying: u32 = self.pool.endpoints().iter().map(|endpoint| endpoint.in_flight()).sum();
        assert_eq!((flying, self.pool.active()), (self.held.len() as u32, self.held.len() as u32));
    }

    fn take(&mut self, which: usize) -> Pick {
        let place = which % self.held.len();
        self.held.swap_remove(place)
    }

    fn pick(&mut self, retries: u8, states: &[State]) {
        let mut tried = Tried::default();
        for _ in 0..=retries {
            let untried = (0..states.len()).any(|index| states[index].is_good() && !tried.contains(index));
            let demand = Demand { now: self.now, random: self.dice.roll(), key: Some(self.dice.roll()) };
            match self.pool.pick(&mut tried.clone(), &demand) {
                Ok(pick) => {
                    let index = pick.endpoint().index;
                    let is_any_good = states.iter().any(|state| state.is_good());
                    match states[index] {
                        State::Healthy | State::Warming => assert!(!untried || !tried.contains(index)),
                        State::HalfOpen => assert!(pick.is_trial),
                        State::Unhealthy => assert!(!is_any_good, "checks are believed"),
                        State::Ejected | State::Broken => panic!("a pick of an excluded endpoint"),
                    }
                    assert!(self.pool.standings(self.now)[index].role.takes_requests() || retries > 0);
                    tried.push(index);
                    self.held.push(pick);
                }
                Err(Refused::AllBad { retry_after }) => {
                    let is_bad = |state: &State| !state.is_good() && *state != State::Unhealthy;
                    assert!(states.iter().all(is_bad), "refused with {states:?}");
                    assert!(retry_after <= MS * 100_000);
                }
                Err(refused) => panic!("{refused:?}"),
            }
        }
        let trials =
            |index| self.held.iter().filter(|it| it.is_trial && it.endpoint().index == index).count();
        let most = self.pool.settings.breaker.half_open_requests as usize;
        assert!((0..states.len()).all(|index| trials(index) <= most));
    }

    fn answer(&mut self, pick: &Pick, fails: bool, before: &[State]) {
        let outcome = match fails {
            true => Outcome::Failed { failure: Failure::Reset, latency: MS },
            false => success(MS),
        };
        self.pool.report(pick, outcome, self.now);
        let (index, after) = (pick.endpoint().index, self.states());
        let others = (0..after.len()).any(|other| other != index && after[other].is_good());
        let counts = |states: &[State], state| states.iter().filter(|it| **it == state).count();
        if counts(&after, State::Ejected) > counts(before, State::Ejected) {
            assert!(others, "the last endpoint was ejected");
            let most = self.pool.settings.outlier.max_ejection_percent as usize * after.len() / 100;
            assert!(counts(&after, State::Ejected) <= most.max(1));
        }
        if after[index] == State::Broken && before[index].is_good() && !others {
            let passed = self.passed.get(&index).map(|at| self.now.duration_since(*at));
            let moment = self.pool.settings.breaker.window.get() / 10;
            assert!(passed.is_none_or(|ago| ago >= moment), "the last endpoint left although it answers");
        }
        if !fails && !matches!(before[index], State::Broken | State::Ejected) {
            self.passed.insert(index, self.now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_day_breaks_a_pool(
        count in 1_usize..6,
        balance in prop::sample::select(&BALANCERS[..5]),
        unejects: bool,
        events in prop::collection::vec(event(), 1..400),
    ) {
        let more = format!(
            "[health]\ntcp = true\nunhealthy_after = 1\nhealthy_after = 1\n[breaker]\nmin_requests = 6\n\
             [outlier]\nconsecutive_failures = 3\nmax_ejection_percent = 70\nuneject_on_check = {unejects}"
        );
        let now = Instant::now();
        let pool = Pool::new("test", &settings(balance, &vec![1; count], &more), now);
        let mut day = Day { pool, now, dice: Dice::new(7), held: Vec::new(), passed: BTreeMap::new() };
        events.iter().for_each(|event| day.live(event));
    }
}
