//! Limits that instances share, and the Redis client, against real servers: what is counted together, what happens
//! when Redis dies and comes back, what is heard of channels.

#![cfg(test)]

#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use olympus_gateway::config::{self, Limit};
use olympus_gateway::limits::{Ask, Limiter, Rule, Standing, Subject};
use olympus_gateway::redis::{Push, Redis};
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{LimitMetrics, LimitTier, RedisMetrics};
use serde_json::{Value, json};
use support::certificates::Authority;
use support::folder::Folder;
use support::port::Port;
use support::process::{PATIENCE, signal};
use support::redis::Redis as Server;
use support::wait::until;
use tokio::runtime::{Builder, Runtime};
use ureq::http::HeaderMap;

/// What the clients of one test run on.
struct Stage {
    runtime: Runtime,
    lifecycle: Lifecycle,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let lifecycle = Lifecycle::new(runtime.handle().clone());
        Self { runtime, lifecycle }
    }

    /// A client of a server, with further settings, once it is connected.
    fn client(&self, server: &Server, more: &Value) -> Redis {
        let mut settings = json!({ "urls": [server.url()], "command_timeout": "2s" });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let settings: config::Redis = serde_json::from_value(settings).unwrap();
        let redis = Redis::start(&settings, &self.lifecycle, RedisMetrics::new()).unwrap();
        until("Redis answers", || redis.is_up().then_some(()));
        redis
    }

    fn limiter(&self, server: &Server, more: &Value) -> Limiter {
        Limiter::sharing(self.client(server, more), &self.lifecycle, LimitMetrics::new())
    }

    fn take(&self, limiter: &Limiter, rules: &[Arc<Rule>], ip: u8) -> Vec<Standing> {
        let headers = HeaderMap::new();
        let subject = Subject { ip: [10, 0, 0, ip].into(), route: "a", headers: &headers, caller: None };
        let ask = Ask { rules, subject, cost: None, now: Instant::now() };
        self.runtime.block_on(limiter.take(&ask))
    }
}

fn rule(name: &str, settings: Value) -> Arc<Rule> {
    let limit: Limit = serde_json::from_value(settings).unwrap();
    Arc::new(Rule::new(name, &limit))
}

/// One an hour: nothing comes back while a test runs.
fn slow(name: &str, key: &str, burst: u32) -> Arc<Rule> {
    rule(name, json!({ "key": [key], "rate": "1/h", "burst": burst }))
}

fn is_admitted(standings: &[Standing]) -> bool {
    !standings.iter().any(Standing::refuses)
}

fn tiers(standings: &[Standing]) -> Vec<LimitTier> {
    standings.iter().map(|it| it.tier).collect()
}

#[test]
fn instances_count_together_and_exactly() {
    let (stage, server) = (Stage::new(), Server::start(&[]));
    let limiters = [(); 2].map(|()| stage.limiter(&server, &json!({})));
    let rules = [slow("default", "ip", 100)];
    let admitted = std::thread::scope(|scope| {
        let work = |index: usize| {
            let (stage, limiter, rules) = (&stage, &limiters[index % 2], &rules);
            scope.spawn(move || (0..50).filter(|_| is_admitted(&stage.take(limiter, rules, 1))).count())
        };
        let threads: Vec<_> = (0..4).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(admitted, 100);
    assert!(is_admitted(&stage.take(&limiters[0], &rules, 2)), "another address is another key");
}

#[test]
fn all_rules_of_a_request_are_one_call_and_count_together_or_not_at_all() {
    let (stage, server) = (Stage::new(), Server::start(&[]));
    let limiter = stage.limiter(&server, &json!({}));
    let (wide, narrow) = (slow("wide", "ip", 10), slow("narrow", "route", 2));
    let shadow = rule("shadow", json!({ "key": ["ip"], "rate": "1/h", "burst": 1, "shadow": true }));
    let rules = [wide.clone(), narrow, shadow];
    server.ask(&["config", "resetstat"]);
    let admitted: Vec<bool> = (0..3).map(|_| is_admitted(&stage.take(&limiter, &rules, 1))).collect();
    assert_eq!(admitted, [true, true, false]);
    let keys = server.ask(&["keys", "olympus:limit:*"]);
    assert_eq!(keys.lines().count(), 3, "{keys}");
    assert!(!keys.contains("10.0.0.1"), "{keys}");
    // Both calls that were admitted set three keys but the shadow the second time; the refused one set none.
    let sets = server.ask(&["info", "commandstats"]);
    assert!(sets.contains("cmdstat_set:calls=5,"), "{sets}");
    assert_eq!(stage.take(&limiter, &[wide], 1)[0].left(), 7);
}

#[test]
fn a_key_that_redis_refused_is_not_asked_for_again_until_it_may_come() {
    let (stage, server) = (Stage::new(), Server::start(&[]));
    let limiter = stage.limiter(&server, &json!({}));
    let rules = [slow("default", "ip", 1)];
    let seen: Vec<_> = (0..3).map(|_| tiers(&stage.take(&limiter, &rules, 1))[0]).collect();
    assert_eq!(seen, [LimitTier::Redis, LimitTier::Redis, LimitTier::Known]);
    let told = &stage.take(&limiter, &rules, 1)[0];
    assert_eq!((told.left(), told.retry_seconds().div_ceil(60)), (0, 60));
    // With another quota, as after a reload, Redis is asked again, and the debt is soon paid.
    let faster = [rule("default", json!({ "key": ["ip"], "rate": "1000/s", "burst": 50 }))];
    assert_eq!(tiers(&stage.take(&limiter, &faster, 1)), [LimitTier::Redis]);
    until("it is admitted", || is_admitted(&stage.take(&limiter, &faster, 1)).then_some(()));
}

#[test]
fn a_peek_tells_and_counts_nothing() {
    let (stage, server) = (Stage::new(), Server::start(&[]));
    let limiter = stage.limiter(&server, &json!({}));
    let rules = [slow("default", "ip", 3)];
    let headers = HeaderMap::new();
    let subject = Subject { ip: [10, 0, 0, 1].into(), route: "a", headers: &headers, caller: None };
    for _ in 0..5 {
        let ask = Ask { rules: &rules, subject, cost: None, now: Instant::now() };
        let told = stage.runtime.block_on(limiter.peek(&ask));
        assert_eq!((told[0].left_before(), told[0].tier), (3, LimitTier::Redis));
    }
    assert_eq!(stage.take(&limiter, &rules, 1)[0].left(), 2);
}

#[test]
fn while_redis_is_away_each_instance_admits_its_share_and_afterwards_all_count_together_again() {
    let (stage, mut server) = (Stage::new(), Server::start(&[]));
    let limiters = [(); 2].map(|()| stage.limiter(&server, &json!({ "command_timeout": "200ms" })));
    until("both know of each other", || limiters.iter().all(|it| it.instances() == 2).then_some(()));
    let rules = [slow("default", "ip", 20)];
    let open =
        rule("open", json!({ "key": ["route"], "rate": "1/h", "burst": 1, "when_redis_fails": "open" }));
    let closed =
        rule("closed", json!({ "key": ["ip"], "rate": "1/h", "burst": 9, "when_redis_fails": "closed" }));
    server.kill();
    for limiter in &limiters {
        let all: Vec<_> = (0..30).map(|_| stage.take(limiter, &rules, 1)).collect();
        assert_eq!(all.iter().filter(|standings| is_admitted(standings)).count(), 10);
        assert!(all.iter().all(|standings| tiers(standings) == [LimitTier::Fallback]));
    }
    let [limiter, _] = &limiters;
    assert!((0..5).all(|_| is_admitted(&stage.take(limiter, std::slice::from_ref(&open), 1))));
    let refused = stage.take(limiter, std::slice::from_ref(&closed), 1);
    assert!(refused[0].refuses() && refused[0].is_closed);

    server.start_again();
    for limiter in &limiters {
        until("it counts in Redis", || {
            (tiers(&stage.take(limiter, std::slice::from_ref(&closed), 1)) == [LimitTier::Redis])
                .then_some(())
        });
    }
    let admitted = (0..40).filter(|turn| is_admitted(&stage.take(&limiters[turn % 2], &rules, 3))).count();
    assert_eq!(admitted, 20);
}

#[test]
fn a_redis_that_hangs_is_left_alone_until_it_answers() {
    let (stage, server) = (Stage::new(), Server::start(&[]));
    let redis = stage.client(&server, &json!({ "command_timeout": "50ms" }));
    let get = |key: &str| stage.runtime.block_on(redis.get(key));
    assert_eq!(get("nothing").unwrap(), None);
    signal(server.id(), "STOP");
    until("it is left alone", || {
        let _ = get("nothing").expect_err("no answer");
        (!redis.is_up()).then_some(())
    });
    signal(server.id(), "CONT");
    until("it answers again", || redis.is_up().then_some(()));
    until("commands are answered", || get("nothing").ok());
}

#[test]
fn values_are_kept_for_as_long_as_was_said_and_under_the_prefix() {
    let (stage, server) = (Stage::new(), Server::start(&["--requirepass", "hunter2"]));
    let redis = stage.client(&server, &json!({ "password": "hunter2", "prefix": "shop:" }));
    stage.runtime.block_on(redis.set("greeting", "hello", Duration::from_secs(60))).unwrap();
    assert_eq!(stage.runtime.block_on(redis.get("greeting")).unwrap().as_deref(), Some("hello"));
    let left: i64 = server.ask(&["-a", "hunter2", "ttl", "shop:greeting"]).trim().parse().unwrap();
    assert!((50..=60).contains(&left), "{left}");
}

#[test]
fn a_cluster_is_asked_once_for_each_key() {
    let bus = Port::reserve();
    let bus = bus.address().port().to_string();
    let announced = ["--cluster-announce-ip", "127.0.0.1", "--cluster-port", &bus];
    let server = Server::start(&[&["--cluster-enabled", "yes"][..], &announced].concat());
    assert_eq!(server.ask(&["cluster", "addslotsrange", "0", "16383"]).trim(), "OK");
    until("the cluster is up", || {
        server.ask(&["cluster", "info"]).contains("cluster_state:ok").then_some(())
    });
    let stage = Stage::new();
    let limiter = stage.limiter(&server, &json!({ "mode": "cluster" }));
    let rules = [slow("one", "ip", 3), slow("two", "ip", 2), slow("three", "route", 9)];
    let all: Vec<_> = (0..3).map(|_| stage.take(&limiter, &rules, 1)).collect();
    assert!(all.iter().take(3).all(|standings| tiers(standings) == [LimitTier::Redis; 3]), "{all:?}");
    assert_eq!(all.iter().filter(|standings| is_admitted(standings)).count(), 2);
}

#[test]
fn connections_are_encrypted_and_the_server_proves_who_it_is() {
    let (folder, authority, port) = (Folder::new("redis-tls"), Authority::new(), Port::reserve());
    let issued = authority.issue(&["localhost"]);
    let (cert, key) = (folder.write("cert.pem", &issued.cert), folder.write("key.pem", &issued.key));
    let (ca, tls_port) = (folder.write("ca.pem", &authority.pem()), port.address().port().to_string());
    let files = ["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let server = Server::start(&[&["--tls-port", &tls_port][..], &files].concat());
    let stage = Stage::new();
    let url = format!("redis://localhost:{tls_port}");
    let redis = stage.client(&server, &json!({ "urls": [url], "tls": { "ca": ca } }));
    stage.runtime.block_on(redis.set("a", "b", Duration::from_secs(60))).unwrap();
    assert_eq!(server.ask(&["get", "olympus:a"]).trim(), "b");
    // Another authority's word counts for nothing.
    let other = folder.write("other.pem", &Authority::new().pem());
    let settings = json!({ "urls": [url], "tls": { "ca": other } });
    let settings: config::Redis = serde_json::from_value(settings).unwrap();
    let stranger = Redis::start(&settings, &stage.lifecycle, RedisMetrics::new()).unwrap();
    assert!(stage.runtime.block_on(stranger.get("a")).is_err() && !stranger.is_up());
}

#[test]
fn sentinels_are_asked_for_the_primary() {
    let server = Server::start(&[]);
    let port = server.address().port().to_string();
    let folder = Folder::new("sentinel");
    let watch = format!("sentinel monitor shop 127.0.0.1 {port} 1\n");
    let sentinel = Server::start(&[&folder.write("sentinel.conf", &watch), "--sentinel"]);
    let stage = Stage::new();
    let asked = json!({ "mode": "sentinel", "urls": [sentinel.url()], "master": "shop" });
    let redis = stage.client(&server, &asked);
    stage.runtime.block_on(redis.set("a", "b", Duration::from_secs(60))).unwrap();
    assert_eq!(server.ask(&["get", "olympus:a"]).trim(), "b");
}

fn heard(pushes: &Receiver<Push>) -> Push {
    pushes.recv_timeout(PATIENCE).expect("something is heard")
}

#[test]
fn a_subscription_outlives_its_connection_and_says_what_may_have_been_missed() {
    let (stage, mut server) = (Stage::new(), Server::start(&[]));
    let redis = stage.client(&server, &json!({ "command_timeout": "200ms" }));
    let (sender, pushes) = channel();
    redis.subscribe(&["revoked"], move |push| drop(sender.send(push))).unwrap();
    let message = |text: &str| Push::Message { channel: "revoked".to_owned(), text: text.to_owned() };
    let tell = |text: &str| {
        until("somebody listens", || {
            stage.runtime.block_on(redis.publish("revoked", text)).ok().filter(|count| *count == 1)
        })
    };
    assert_eq!(heard(&pushes), Push::Gap);
    tell("one");
    assert_eq!(heard(&pushes), message("one"));
    server.kill();
    server.start_again();
    assert_eq!(heard(&pushes), Push::Gap);
    tell("two");
    assert_eq!(heard(&pushes), message("two"));
}
