//! What holds for every pool: shares, rings, slow starts, and what becomes of traffic when endpoints fail.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::dice::Dice;
use super::*;
use crate::config;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const BALANCERS: [&str; 6] = ["wrr", "least_request", "p2c", "peak_ewma", "random", "hash:ip"];

pub(super) fn settings(balance: &str, weights: &[u32], more: &str) -> config::Upstream {
    let endpoints: Vec<_> = (1..)
        .zip(weights)
        .map(|(port, weight)| format!("{{ address = '127.0.0.1:{port}', weight = {weight} }}"))
        .collect();
    let text = format!("endpoints = [{}]\nbalance = '{balance}'\n{more}", endpoints.join(", "));
    toml::from_str(&text).unwrap()
}

pub(super) fn success(latency: Duration) -> Outcome {
    Outcome::Answered { status: 200, latency, retry_after: None }
}

/// Picks so often, each answered before the next; says who was picked.
fn picks(pool: &Pool, count: usize, (mut now, seed): (Instant, u64)) -> Vec<usize> {
    let mut dice = Dice::new(seed);
    let mut pick = || {
        now += MS / 10;
        let demand = Demand { now, random: dice.roll(), key: Some(dice.roll()) };
        let pick = pool.pick(&mut Tried::default(), &demand).unwrap();
        let noise = MS * dice.below(10) / 10;
        pool.report(&pick, success(5 * MS + noise), now);
        pick.endpoint().index
    };
    (0..count).map(|_| pick()).collect()
}

/// By how much the shares of the picks are off those of the weights, at worst.
fn error(picks: &[usize], weights: &[u32]) -> f64 {
    let total: u32 = weights.iter().sum();
    let errors = weights.iter().enumerate().map(|(index, weight)| {
        let had = picks.iter().filter(|it| **it == index).count() as f64 / picks.len() as f64;
        (had - f64::from(*weight) / f64::from(total)).abs()
    });
    errors.fold(0.0, f64::max)
}

/// Who each key belongs to.
fn owners(pool: &Pool, now: Instant, keys: u64) -> Vec<String> {
    let owner = |key: u64| {
        let demand = Demand { now, random: 0, key: Some(hash(&key.to_be_bytes())) };
        pool.pick(&mut Tried::default(), &demand).unwrap().endpoint().name.to_string()
    };
    (0..keys).map(owner).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, ..ProptestConfig::default() })]

    #[test]
    fn every_balancer_keeps_to_the_weights(weights in prop::collection::vec(1_u32..=20, 1..10), seed: u64) {
        for balance in BALANCERS {
            let now = Instant::now();
            let pool = Pool::new("test", &settings(balance, &weights, ""), now);
            let picks = picks(&pool, 100_000, (now, seed));
            prop_assert!(error(&picks, &weights) < 0.01, "{balance}: {}", error(&picks, &weights));
            for piece in picks.chunks(5_000) {
                prop_assert!(error(piece, &weights) < 0.05, "{balance}: {}", error(piece, &weights));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn when_an_endpoint_leaves_only_its_keys_move(count in 2_usize..14, leaver: prop::sample::Index) {
        let (now, keys, leaver) = (Instant::now(), 20_000, leaver.index(count));
        let settings = settings("hash:ip", &vec![1; count], "health = { tcp = true }");
        let pool = Pool::new("test", &settings, now);
        let name = pool.endpoints()[leaver].name.to_string();
        let before = owners(&pool, now, keys);
        let mut fewer = settings;
        fewer.endpoints.remove(leaver);
        let gone = owners(&pool.renewed(&fewer, now), now, keys);
        pool.observe(&pool.endpoints()[leaver], Err("down".to_owned()), now);
        prop_assert_eq!(&owners(&pool, now, keys), &gone, "down or removed is the same");
        let moved = before.iter().zip(&gone).filter(|(before, after)| before != after).count();
        prop_assert!(before.iter().zip(&gone).all(|(before, after)| before == after || *before == name));
        prop_assert!(moved as f64 <= 1.2 / count as f64 * keys as f64, "{moved} of {count}");
    }
}

#[test]
fn a_key_moves_on_from_an_endpoint_that_has_a_quarter_more_than_its_share() {
    let now = Instant::now();
    let pool = Pool::new("test", &settings("hash:ip", &[1; 4], ""), now);
    let demand = Demand { now, random: 0, key: Some(7) };
    let held: Vec<_> = (0..100).map(|_| pool.pick(&mut Tried::default(), &demand).unwrap()).collect();
    let most = pool.endpoints().iter().map(|endpoint| endpoint.in_flight()).max();
    assert_eq!((held.len(), most), (100, Some(32)), "1.25 times 25, rounded up");
}

#[test]
fn nobody_is_flooded_while_nothing_is_known() {
    for balance in ["least_request", "p2c", "peak_ewma"] {
        let now = Instant::now();
        let pool = Pool::new("test", &settings(balance, &[1; 10], ""), now);
        let mut dice = Dice::new(7);
        let held: Vec<_> = (0..500)
            .map(|_| {
                pool.pick(&mut Tried::default(), &Demand { now, random: dice.roll(), key: None }).unwrap()
            })
            .collect();
        // One is measured, and very fast: it is not flooded either.
        pool.report(&held[0], success(MS / 10), now);
        let loads: Vec<_> = pool.endpoints().iter().map(|endpoint| endpoint.in_flight()).collect();
        assert!(loads.iter().all(|load| load.abs_diff(50) < 10), "{balance}: {loads:?}");
    }
}

/// Runs a pool for so long, one request a millisecond of which ten are in flight; says how many went to each.
fn run(pool: &Pool, from: Instant, millis: u32, latency: impl Fn(usize) -> Duration) -> Vec<usize> {
    let (mut counts, mut dice, mut flying) = (vec![0; pool.endpoints().len()], Dice::new(7), Vec::new());
    for tick in 0..millis {
        let now = from + MS * tick;
        let is_due = |(until, _): &mut (Instant, Pick)| *until <= now;
        for (_, pick) in flying.extract_if(.., is_due) {
            pool.report(&pick, success(latency(pick.endpoint().index)), now);
        }
        let demand = Demand { now, random: dice.roll(), key: None };
        let pick = pool.pick(&mut Tried::default(), &demand).unwrap();
        counts[pick.endpoint().index] += 1;
        flying.push((now + latency(pick.endpoint().index), pick));
    }
    counts
}

#[test]
fn peak_ewma_shuns_a_slow_endpoint_and_takes_it_back() {
    let now = Instant::now();
    let pool = Pool::new("test", &settings("peak_ewma", &[1; 3], ""), now);
    let slow = run(&pool, now, 10_000, |index| if index == 0 { 500 * MS } else { 5 * MS });
    assert!(slow[0] < 100, "{slow:?}");
    let after = now + MS * 20_000;
    let again = run(&pool, after, 10_000, |_| 5 * MS);
    assert!(again.iter().all(|count| count.abs_diff(3_333) < 700), "{again:?}");
}

#[test]
fn an_endpoint_that_asked_for_a_pause_gets_one() {
    let now = Instant::now();
    let pool = Pool::new("test", &settings("peak_ewma", &[1; 3], ""), now);
    let busy = pool.pick(&mut Tried::default(), &Demand { now, random: 1, key: None }).unwrap();
    let pause = Some(MS * 3_000);
    pool.report(&busy, Outcome::Answered { status: 503, latency: MS, retry_after: pause }, now);
    let index = busy.endpoint().index;
    drop(busy);
    assert_eq!(run(&pool, now, 2_999, |_| 5 * MS)[index], 0);
    assert!(run(&pool, now + MS * 30_000, 1_000, |_| 5 * MS)[index] > 100);
}

#[test]
fn a_slow_start_begins_with_a_tenth_and_ends_with_all() {
    for balance in BALANCERS {
        let now = Instant::now();
        let pool = Pool::new("test", &settings(balance, &[1; 4], ""), now);
        let mut more = settings(balance, &[1; 5], "");
        more.slow_start = config::Period::seconds(1_000);
        let pool = pool.renewed(&more, now);
        for (second, share) in [(0, 0.1), (500, 0.55), (2_000, 1.0)] {
            let picks = picks(&pool, 20_000, (now + MS * 1_000 * second, 7));
            let had = picks.iter().filter(|index| **index == 4).count() as f64 / picks.len() as f64;
            let due = share / (4.0 + share);
            assert!((had - due).abs() < 0.02, "{balance} at {second} s: {had}, not {due}");
        }
    }
}

#[test]
fn threads_that_fail_together_leave_one_endpoint_that_answers() {
    let now = Instant::now();
    let pool = Pool::new("test", &settings("wrr", &[1; 4], ""), now);
    picks(&pool, 8, (now, 7));
    let fail = || {
        for random in 0..2_000 {
            let pick = pool.pick(&mut Tried::default(), &Demand { now, random, key: None }).unwrap();
            pool.report(&pick, Outcome::Failed { failure: Failure::Reset, latency: MS }, now);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(fail))));
    assert_eq!((pool.usable(now).0, pool.active()), (1, 0));
}

/// Serves so many requests, one a millisecond, each with two retries; says for each whether it succeeded.
/// Endpoints below `bad` fail, the others answer.
fn serve(pool: &Pool, from: Instant, millis: u32, bad: usize) -> Vec<bool> {
    let mut dice = Dice::new(7);
    let mut request = |tick| {
        let (now, mut tried) = (from + MS * tick, Tried::default());
        (0..3).any(|_| {
            let demand = Demand { now, random: dice.roll(), key: None };
            let Ok(pick) = pool.pick(&mut tried, &demand) else { return false };
            let has_failed = pick.endpoint().index < bad;
            let failure = Outcome::Failed { failure: Failure::Refused, latency: MS };
            pool.report(&pick, if has_failed { failure } else { success(5 * MS) }, now);
            !has_failed
        })
    };
    (0..millis).map(&mut request).collect()
}

#[test]
fn three_of_four_endpoints_may_go_at_once() {
    for balance in BALANCERS {
        let now = Instant::now();
        let pool = Pool::new("test", &settings(balance, &[1; 4], ""), now);
        assert!(serve(&pool, now, 5_000, 0).iter().all(|it| *it));
        let served = serve(&pool, now + 5_000 * MS, 60_000, 3);
        let failed = |served: &[bool]| served.iter().filter(|it| !**it).count();
        assert!(failed(&served[..1_000]) < 20, "{balance}: {}", failed(&served[..1_000]));
        assert!(failed(&served[1_000..]) < 20, "{balance}: {}", failed(&served[1_000..]));
        let again = serve(&pool, now + 200_000 * MS, 30_000, 0);
        assert!(again.iter().all(|it| *it), "{balance}");
        assert!(
            (0..4).all(|index| pool.endpoints()[index].verdict(now + 230_000 * MS).state == State::Healthy)
        );
    }
}

#[test]
fn a_pool_of_which_everything_is_bad_is_asked_by_few_trials_only() {
    let now = Instant::now();
    let pool = Pool::new("test", &settings("peak_ewma", &[1; 4], ""), now);
    serve(&pool, now, 1_000, 4);
    let tries = || pool.endpoints().iter().map(|it| it.failed(Failure::Refused)).sum::<u64>();
    let before = tries();
    serve(&pool, now + 1_000 * MS, 60_000, 4);
    assert!(tries() - before < 200, "{}", tries() - before);
}

#[test]
fn an_endpoint_that_fails_a_third_of_its_requests_loses_most_of_them() {
    let now = Instant::now();
    let off = "[outlier]\nconsecutive_failures = 0\n[breaker]\nscope = 'off'";
    let pool = Pool::new("test", &settings("peak_ewma", &[1; 3], off), now);
    let (mut dice, mut sick) = (Dice::new(7), 0);
    for tick in 0..10_000 {
        let now = now + MS * tick;
        let demand = Demand { now, random: dice.roll(), key: None };
        let pick = pool.pick(&mut Tried::default(), &demand).unwrap();
        let is_sick = pick.endpoint().index == 0;
        sick += u32::from(is_sick);
        let status = if is_sick && dice.below(3) == 0 { 500 } else { 200 };
        pool.report(&pick, Outcome::Answered { status, latency: 5 * MS, retry_after: None }, now);
    }
    assert!(sick < 500, "{sick} of 10000");
}
