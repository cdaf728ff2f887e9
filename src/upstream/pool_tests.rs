//! What a pool promises, one case after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::load::{Load, Seat};
use super::*;
use crate::config::{self, BreakerScope};

const SECOND: Duration = Duration::from_secs(1);

fn pool(endpoints: &str, settings: &str) -> (Pool, Instant) {
    let text = format!(
        "endpoints = [{endpoints}]\n{settings}\n\
         [health]\ntcp = true\nunhealthy_after = 1\nhealthy_after = 1\n[breaker]\nmin_requests = 4\n"
    );
    let now = Instant::now();
    (Pool::new("test", &toml::from_str(&text).unwrap(), now), now)
}

/// Two endpoints in the first tier, one in the second.
fn three(settings: &str) -> (Pool, Instant) {
    pool(
        "{ address = '127.0.0.1:1', weight = 2 }, { address = '127.0.0.1:2' }, \
         { address = '127.0.0.1:3', priority = 1 }",
        settings,
    )
}

fn demand(now: Instant) -> Demand {
    Demand { now, random: 7, key: None }
}

fn check(pool: &Pool, index: usize, result: Result<(), String>, now: Instant) {
    pool.observe(&pool.endpoints()[index], result, now);
}

fn down() -> Result<(), String> {
    Err("down".to_owned())
}

fn picks(pool: &Pool, count: usize, now: Instant) -> Vec<usize> {
    let pick = |_| pool.pick(&mut Tried::default(), &demand(now)).unwrap().endpoint().index;
    (0..count).map(pick).collect()
}

/// Reports so many failed tries at an endpoint that was picked for them before any came back.
fn fail(pool: &Pool, index: usize, times: usize, now: Instant) {
    for _ in 0..times {
        pool.report(&pick_of(pool, index), failure(), now);
    }
}

fn pick_of(pool: &Pool, index: usize) -> Pick {
    Pick::new(pool.endpoints()[index].clone(), false, Seat::take(&Arc::new(Load::default()), 1).unwrap())
}

fn failure() -> Outcome {
    Outcome::Failed { failure: Failure::Reset, latency: SECOND }
}

fn success() -> Outcome {
    Outcome::Answered { status: 200, latency: SECOND / 100, retry_after: None }
}

fn states(pool: &Pool, now: Instant) -> Vec<State> {
    pool.endpoints().iter().map(|endpoint| endpoint.verdict(now).state).collect()
}

#[test]
fn weights_share_the_preferred_tier() {
    let (pool, now) = three("balance = 'wrr'");
    assert_eq!(picks(&pool, 6, now), [0, 1, 0, 0, 1, 0]);
}

#[test]
fn an_unhealthy_endpoint_is_not_chosen() {
    let (pool, now) = three("");
    check(&pool, 0, down(), now);
    assert_eq!(picks(&pool, 3, now), [1, 1, 1]);
}

#[test]
fn the_next_tier_is_used_when_the_first_is_down_and_left_when_it_recovers() {
    let (pool, now) = three("");
    check(&pool, 0, down(), now);
    check(&pool, 1, down(), now);
    assert_eq!(picks(&pool, 2, now), [2, 2]);
    check(&pool, 1, Ok(()), now);
    assert_eq!(picks(&pool, 2, now), [1, 1]);
}

#[test]
fn failing_checks_alone_never_empty_a_pool() {
    let (pool, now) = three("balance = 'wrr'");
    (0..3).for_each(|index| check(&pool, index, down(), now));
    let mut chosen = picks(&pool, 8, now);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen, [0, 1, 2]);
}

#[test]
fn a_retry_goes_to_another_endpoint_first() {
    for balance in ["wrr", "least_request", "p2c", "peak_ewma", "random", "hash:ip"] {
        let (pool, now) = three(&format!("balance = '{balance}'"));
        let mut tried = Tried::default();
        let mut next = || pool.pick(&mut tried, &demand(now)).unwrap().endpoint().index;
        let mut chosen = [next(), next(), next()];
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1, 2], "{balance}");
        assert!(next() < 3, "after all were tried, any may be tried again");
    }
}

#[test]
fn an_endpoint_without_weight_takes_nothing() {
    let (some, now) = pool("{ address = '127.0.0.1:1', weight = 0 }, { address = '127.0.0.1:2' }", "");
    assert_eq!(picks(&some, 3, now), [1, 1, 1]);
    let (none, now) = pool("{ address = '127.0.0.1:1', weight = 0 }", "");
    assert_eq!(none.pick(&mut Tried::default(), &demand(now)).unwrap_err(), Refused::NoEndpoint);
}

#[test]
fn a_pick_counts_as_in_flight_while_it_lives() {
    let (pool, now) = three("");
    let pick = pool.pick(&mut Tried::default(), &demand(now)).unwrap();
    let endpoint = pick.endpoint().clone();
    assert_eq!((endpoint.in_flight(), pool.active()), (1, 1));
    drop(pick);
    assert_eq!((endpoint.in_flight(), pool.active()), (0, 0));
}

#[test]
fn a_full_pool_refuses_at_once() {
    let (pool, now) = three("max_concurrency = 2");
    let held = [0; 2].map(|_| pool.pick(&mut Tried::default(), &demand(now)).unwrap());
    assert_eq!(pool.pick(&mut Tried::default(), &demand(now)).unwrap_err(), Refused::Full);
    assert_eq!((pool.active(), pool.refused_full()), (2, 1));
    drop(held);
    assert!(pool.pick(&mut Tried::default(), &demand(now)).is_ok());
}

#[test]
fn failures_in_a_row_eject_for_a_while_and_the_share_comes_back_slowly() {
    let (pool, now) = three("");
    (0..20).for_each(|_| drop(pool.report(&pick_of(&pool, 0), success(), now)));
    fail(&pool, 0, 5, now);
    assert_eq!(states(&pool, now), [State::Ejected, State::Healthy, State::Healthy]);
    let verdict = pool.endpoints()[0].verdict(now);
    assert_eq!(&*verdict.reason, "5 failures in a row, the last one reset");
    assert_eq!(verdict.until, Some(now + 10 * SECOND));
    assert_eq!(picks(&pool, 3, now), [1, 1, 1]);
    assert_eq!(states(&pool, now + 10 * SECOND)[0], State::Warming);
    assert!(pool.standings(now + 10 * SECOND)[0].role.takes_requests());
    assert_eq!(states(&pool, now + 20 * SECOND)[0], State::Healthy);
    assert_eq!(pool.endpoints()[0].entered(State::Ejected), 1);
}

#[test]
fn the_last_endpoint_is_not_taken_away_while_anything_succeeds() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }", "");
    pool.report(&pick_of(&pool, 0), success(), now);
    fail(&pool, 0, 100, now);
    assert_eq!(states(&pool, now), [State::Healthy]);
    fail(&pool, 0, 4, now + 10 * SECOND);
    assert_eq!(states(&pool, now + 10 * SECOND), [State::Broken], "nothing succeeds any more");
}

#[test]
fn a_pool_that_is_known_to_be_bad_says_when_to_come_again() {
    let (pool, now) = three("");
    (0..3).for_each(|index| fail(&pool, index, 10, now));
    let refused = pool.pick(&mut Tried::default(), &demand(now + SECOND)).unwrap_err();
    assert_eq!(refused, Refused::AllBad { retry_after: 4 * SECOND });
}

#[test]
fn a_half_open_breaker_lets_few_trials_through_and_closes_when_they_succeed() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }", "");
    fail(&pool, 0, 4, now);
    let later = now + 5 * SECOND;
    let trials = [0; 3].map(|_| pool.pick(&mut Tried::default(), &demand(later)).unwrap());
    let refused = pool.pick(&mut Tried::default(), &demand(later)).unwrap_err();
    assert_eq!(refused, Refused::AllBad { retry_after: SECOND });
    assert_eq!(states(&pool, later), [State::HalfOpen]);
    trials.iter().for_each(|trial| drop(pool.report(trial, success(), later)));
    assert_eq!(states(&pool, later), [State::Warming]);
    drop(trials);
    assert_eq!(picks(&pool, 2, later), [0, 0]);
}

#[test]
fn a_trial_whose_client_left_gives_its_place_back() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }", "");
    fail(&pool, 0, 4, now);
    let later = now + 5 * SECOND;
    for _ in 0..10 {
        let trial = pool.pick(&mut Tried::default(), &demand(later)).unwrap();
        assert!(trial.is_trial);
        pool.report(&trial, Outcome::Abandoned { latency: SECOND }, later);
    }
}

#[test]
fn a_passed_check_ends_an_ejection_where_that_is_asked_for() {
    for (unejects, state) in [(false, State::Ejected), (true, State::Warming)] {
        let (pool, now) = three(&format!("outlier = {{ uneject_on_check = {unejects} }}"));
        (0..20).for_each(|_| drop(pool.report(&pick_of(&pool, 0), success(), now)));
        fail(&pool, 0, 5, now);
        check(&pool, 0, Ok(()), now + SECOND);
        assert_eq!(states(&pool, now + SECOND)[0], state);
    }
}

#[test]
fn checks_that_pass_again_end_an_ejection_in_any_case() {
    let (pool, now) = three("");
    (0..20).for_each(|_| drop(pool.report(&pick_of(&pool, 0), success(), now)));
    fail(&pool, 0, 5, now);
    check(&pool, 0, down(), now);
    check(&pool, 0, Ok(()), now + SECOND);
    assert_eq!(states(&pool, now + SECOND)[0], State::Warming);
}

#[test]
fn an_answer_that_breaks_off_takes_its_success_back() {
    let (pool, now) = three("");
    for _ in 0..4 {
        let pick = pick_of(&pool, 0);
        pool.report(&pick, success(), now);
        pool.report(&pick, Outcome::Failed { failure: Failure::Truncated, latency: SECOND }, now);
    }
    assert_eq!(states(&pool, now)[0], State::Broken);
    assert_eq!(&*pool.endpoints()[0].verdict(now).reason, "4 of 4 tries failed, the last one truncated");
}

#[test]
fn with_too_few_left_all_are_used() {
    let (pool, now) = three("panic_threshold = 50\nbalance = 'wrr'");
    check(&pool, 0, down(), now);
    assert_eq!(picks(&pool, 2, now), [1, 1]);
    check(&pool, 1, down(), now);
    let mut chosen = picks(&pool, 4, now);
    chosen.sort_unstable();
    assert_eq!(chosen, [0, 0, 1, 2]);
}

#[test]
fn a_breaker_of_the_pool_counts_what_came_of_requests() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }, { address = '127.0.0.1:2' }", "");
    let settings = config::Upstream {
        breaker: config::Breaker { scope: BreakerScope::Pool, ..pool.settings.breaker.clone() },
        ..pool.settings.clone()
    };
    let pool = pool.renewed(&settings, now);
    (0..4).for_each(|_| pool.conclude(&pick_of(&pool, 0), failure(), now));
    let refused = pool.pick(&mut Tried::default(), &demand(now)).unwrap_err();
    assert_eq!(refused, Refused::AllBad { retry_after: 5 * SECOND });
    let later = now + 5 * SECOND;
    for _ in 0..3 {
        let trial = pool.pick(&mut Tried::default(), &demand(later)).unwrap();
        pool.conclude(&trial, success(), later);
    }
    assert!(picks(&pool, 9, later).len() == 9);
}

#[test]
fn what_is_known_and_under_way_survives_new_settings() {
    let (pool, now) = three("");
    check(&pool, 1, down(), now);
    let pick = pool.pick(&mut Tried::default(), &demand(now)).unwrap();
    pool.report(&pick, success(), now);
    let mut settings = pool.settings.clone();
    settings.endpoints.rotate_left(1);
    settings.endpoints[2].weight = 9;
    settings.endpoints.push(config::Endpoint {
        address: "127.0.0.1:4".parse().unwrap(),
        weight: 1,
        priority: 0,
        set_by: None,
    });
    let pool = pool.renewed(&settings, now);
    let [unhealthy, _, moved, new] = pool.endpoints() else { panic!("four") };
    assert_eq!((moved.in_flight(), moved.weight, moved.latency(now)), (1, 9, Some(SECOND / 100)));
    assert_eq!(unhealthy.verdict(now).state, State::Unhealthy);
    assert_eq!(new.verdict(now).state, State::Warming);
    drop(pick);
    assert_eq!((moved.in_flight(), pool.active()), (0, 0));
}

#[test]
fn what_is_held_against_endpoints_survives_other_terms() {
    let (pool, now) = three("");
    for _ in 0..5 {
        pool.report(&pick_of(&pool, 0), failure(), now);
    }
    check(&pool, 1, down(), now);
    let states = |pool: &Pool| pool.endpoints().iter().map(|it| it.verdict(now).state).collect::<Vec<_>>();
    let before = states(&pool);
    assert_eq!(before[..2], [State::Ejected, State::Unhealthy]);
    let mut settings = pool.settings.clone();
    settings.outlier.base_ejection_time = config::Period::seconds(25);
    settings.breaker.open_for = config::Period::seconds(7);
    settings.health = settings.health.map(|health| config::Health { healthy_after: 3, ..health });
    let pool = pool.renewed(&settings, now);
    assert_eq!(states(&pool), before);
    settings.outlier.consecutive_failures = 0;
    assert_eq!(states(&pool.renewed(&settings, now))[0], State::Broken, "there are to be no ejections");
}

#[test]
fn an_open_breaker_stays_open_under_other_terms() {
    let (pool, now) = three("");
    let mut settings = pool.settings.clone();
    settings.breaker.scope = config::BreakerScope::Pool;
    let pool = pool.renewed(&settings, now);
    (0..4).for_each(|_| pool.conclude(&pick_of(&pool, 0), failure(), now));
    assert_eq!(pool.breaker(now), Some("open"));
    settings.breaker.open_for = config::Period::seconds(60);
    let pool = pool.renewed(&settings, now);
    assert_eq!((pool.breaker(now), pool.breaker(now + 5 * SECOND)), (Some("open"), Some("half_open")));
}

#[test]
fn retries_take_no_turn_so_that_not_every_request_begins_at_the_dead_endpoint() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }, { address = '127.0.0.1:2' }", "balance = 'wrr'");
    let began_at_the_first = (0..6).filter(|_| {
        let mut tried = Tried::default();
        let is_dead = pool.pick(&mut tried, &demand(now)).unwrap().endpoint().index == 0;
        is_dead && pool.pick(&mut tried, &demand(now)).unwrap().endpoint().index == 1
    });
    assert_eq!(began_at_the_first.count(), 3);
}

/// How often the first of two endpoints is chosen that both answered before.
fn picks_of_the_first(pool: &Pool, now: Instant) -> usize {
    let at = |random| Demand { now, random, key: None };
    (0..100).filter(|it| pool.pick(&mut Tried::default(), &at(*it)).unwrap().endpoint().index == 0).count()
}

#[test]
fn an_endpoint_that_falls_silent_is_left_alone_before_any_deadline() {
    let (pool, now) = pool("{ address = '127.0.0.1:1' }, { address = '127.0.0.1:2' }", "");
    (0..2).for_each(|index| assert!(pool.report(&pick_of(&pool, index), success(), now).is_none()));
    let pick = pick_of(&pool, 0);
    let waiting = pick.wait(now);
    drop(pick);
    assert!(picks_of_the_first(&pool, now) > 20);
    assert_eq!(picks_of_the_first(&pool, now + SECOND / 20), 0, "five times as long as it takes to answer");
    pool.report(&pick_of(&pool, 0), success(), now + SECOND / 20);
    assert!(picks_of_the_first(&pool, now + SECOND / 20) > 20, "it answered another request");
    drop(waiting);
    assert!(picks_of_the_first(&pool, now + SECOND) > 20, "nothing is waited for");
}

#[test]
fn what_is_learned_while_a_pool_is_renewed_reaches_the_new_one() {
    let (old, now) = three("balance = 'random'");
    check(&old, 0, down(), now);
    let new = Arc::new(old.renewed(&old.settings, now));
    check(&old, 0, Ok(()), now);
    assert!(!picks(&new, 50, now).contains(&0), "it was made of what was known then");
    old.retire(Some(&new), now);
    assert!(picks(&new, 50, now).contains(&0));
    check(&old, 0, down(), now);
    assert!(!picks(&new, 50, now).contains(&0));
}
