//! Limits as clients see them: headers, 429, what only counts, a changed limit, instances that share a count.

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send};
use crate::support::redis::Redis;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

/// One an hour: nothing comes back while a test runs.
const SLOW: &str = "key = [\"ip\"]\nrate = \"1/h\"";

fn limited(limits: &str, route: &str) -> String {
    format!("{limits}\n[routes.limited]\npath = \"/limited\"\nlocal = \"health\"\n{route}\n")
}

/// `/limited` is not served by anybody, but counted all the same: what is refused is refused before.
fn admitted(gateway: &Gateway, times: usize) -> usize {
    (0..times).filter(|_| gateway.get("/limited").status == 404).count()
}

fn told(answer: &Answer) -> (String, &str) {
    (in_whole_minutes(answer.header("ratelimit")), answer.header("ratelimit-policy"))
}

/// `RateLimit` with its seconds rounded up to minutes: some seconds may pass while a test runs.
pub(crate) fn in_whole_minutes(text: &str) -> String {
    let round = |part: &str| match part.strip_prefix("t=") {
        Some(seconds) => format!("t={}", minutes(seconds)),
        None => part.to_owned(),
    };
    let limit = |limit: &str| limit.split(';').map(round).collect::<Vec<_>>().join(";");
    text.split(", ").map(limit).collect::<Vec<_>>().join(", ")
}

fn minutes(seconds: &str) -> u64 {
    seconds.parse::<u64>().unwrap().next_multiple_of(60)
}

#[test]
fn what_is_left_is_told_until_nothing_is() {
    let limits = format!("[limits.default]\n{SLOW}\nburst = 3");
    let gateway = Gateway::start(&limited(&limits, "limits = [\"default\"]"));
    for left in (0..3).rev() {
        let answer = gateway.get("/limited");
        assert_eq!(answer.status, 404);
        let reset = 3600 * (3 - left);
        assert_eq!(
            told(&answer),
            (format!("\"default\";r={left};t={reset}"), "\"default\";q=3;w=10800"),
            "the burst is there again after {reset} s"
        );
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = gateway.get("/limited");
    assert_eq!((refused.status, &refused.json()["code"]), (429, &serde_json::json!("rate_limited")));
    assert_eq!(minutes(refused.header("retry-after")), 3600);
    assert_eq!(told(&refused).0, "\"default\";r=0;t=10800");
    assert_eq!(gateway.line_for(&refused)["flag"], "RL");
    let count = |outcome| {
        let labels = ["limit=\"default\"", "tier=\"local\"", outcome];
        gateway.metric("olympus_limit_decisions_total", &labels)
    };
    assert_eq!((count("outcome=\"allowed\""), count("outcome=\"refused\"")), (3.0, 1.0));
    // Other routes are not limited, and say nothing.
    assert_eq!(told(&gateway.get("/livez")), (String::new(), ""));
}

#[test]
fn the_tightest_limit_is_told_first_and_backends_are_passed_on() {
    let shop = commerce("shop");
    let limits = "[limits.wide]\nkey = [\"ip\"]\nrate = \"1/h\"\nburst = 100\n\
                  [limits.narrow]\nkey = [\"ip\", \"route\"]\nrate = \"1/m\"\nburst = 2\n";
    let routes = app(&[endpoint(shop.address())], "", "limits = [\"wide\", \"narrow\"]");
    let gateway = Gateway::start(&format!("{limits}{routes}"));
    let answer = gateway.get("/api/products");
    assert_eq!(answer.status, 200);
    assert_eq!(told(&answer).0, "\"narrow\";r=1;t=60, \"wide\";r=99;t=3600");
    assert_eq!(told(&answer).1, "\"narrow\";q=2;w=120, \"wide\";q=100;w=360000");
    let head = send("HEAD", &gateway.url("/api/products"), &[], "");
    assert_eq!((head.status, told(&head).0), (200, "\"narrow\";r=0;t=120, \"wide\";r=98;t=7200".to_owned()));
    let refused = send("HEAD", &gateway.url("/api/products"), &[], "");
    assert_eq!(
        (refused.status, refused.body.as_str(), minutes(refused.header("retry-after"))),
        (429, "", 60)
    );
}

#[test]
fn a_shadow_counts_what_it_would_refuse() {
    let limits = format!("[limits.trial]\n{SLOW}\nburst = 2\nshadow = true");
    let gateway = Gateway::start(&limited(&limits, "limits = [\"trial\"]"));
    assert_eq!(admitted(&gateway, 5), 5);
    assert_eq!(told(&gateway.get("/limited")), (String::new(), ""));
    assert_eq!(
        gateway.metric("olympus_limit_decisions_total", &["outcome=\"shadowed\"", "tier=\"local\""]),
        4.0
    );
}

#[test]
fn a_route_that_costs_more_takes_more() {
    let limits = format!("[limits.default]\n{SLOW}\nburst = 10");
    let gateway = Gateway::start(&limited(&limits, "limits = [\"default\"]\nlimit_cost = 4"));
    assert_eq!(admitted(&gateway, 5), 2);
}

#[test]
fn a_changed_limit_holds_from_the_next_request_on_and_forgets_nobody() {
    let config =
        |burst: u32| limited(&format!("[limits.default]\n{SLOW}\nburst = {burst}"), "limits = [\"default\"]");
    let gateway = Gateway::start(&config(2));
    assert_eq!(admitted(&gateway, 4), 2);
    gateway.write_config(&config(5));
    assert_eq!(gateway.tell_admin("POST", "/reload", "").status, 200);
    assert_eq!(admitted(&gateway, 6), 3);
}

#[test]
fn explain_shows_what_is_left_and_takes_nothing() {
    let limits = format!("[limits.default]\n{SLOW}\nburst = 2");
    let gateway = Gateway::start(&limited(&limits, "limits = [\"default\"]"));
    let explained = |left: u64| {
        let told = gateway.ask_admin("/explain?url=/limited").json();
        let limit = &told["limits"][0];
        assert_eq!(
            (&limit["name"], &limit["key"], &limit["left"]),
            (&"default".into(), &"ip".into(), &left.into())
        );
        told
    };
    explained(2);
    explained(2);
    assert_eq!(admitted(&gateway, 1), 1);
    explained(1);
    assert_eq!(admitted(&gateway, 1), 1);
    let told = explained(0);
    assert_eq!((&told["outcome"]["status"], &told["limits"][0]["admits"]), (&429.into(), &false.into()));
}

#[test]
fn gateways_that_share_redis_count_together_and_apart_while_it_is_away() {
    let mut redis = Redis::start(&[]);
    let limits = format!(
        "[redis]\nurls = [\"{}\"]\n[limits.default]\n{SLOW}\nburst = 20\n\
         [limits.strict]\n{SLOW}\nwhen_redis_fails = \"closed\"\nburst = 1000\n",
        redis.url()
    );
    let routes = "limits = [\"default\"]\n[routes.strict]\npath = \"/strict\"\nlocal = \"health\"\nlimits = [\"strict\"]";
    let gateways = [(); 2].map(|()| Gateway::start(&limited(&limits, routes)));
    for gateway in &gateways {
        until("Redis counts", || (gateway.metric("olympus_redis_up", &[]) == 1.0).then_some(()));
    }
    let total = |times| gateways.iter().map(|gateway| admitted(gateway, times)).sum::<usize>();
    assert_eq!(total(30), 20);
    redis.kill();
    for gateway in &gateways {
        until("it is known to be away", || {
            let answer = gateway.get("/strict");
            (answer.status == 503 && answer.json()["code"] == "limits_unavailable").then_some(())
        });
        until("the metric says so", || (gateway.metric("olympus_redis_up", &[]) == 0.0).then_some(()));
    }
    // Nobody is answered with an error where limits fall back.
    let statuses = |gateway: &Gateway| (0..5).map(|_| gateway.get("/limited").status).collect::<Vec<_>>();
    assert!(gateways.iter().flat_map(statuses).all(|status| matches!(status, 404 | 429)));
    redis.start_again();
    for gateway in &gateways {
        until("it counts there again", || (gateway.get("/strict").status == 404).then_some(()));
    }
    let sum = total(30);
    assert!(sum <= 20, "{sum}");
}
