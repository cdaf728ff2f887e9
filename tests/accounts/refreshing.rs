//! Pairs of tokens: given, given anew, given again by mistake, stolen.

use serde_json::json;

use crate::stage::{ADMIN, Device, Stage, code};
use crate::support::wait::until;

#[test]
fn a_refresh_token_that_is_used_twice_ends_the_session_on_every_instance() {
    let stage = Stage::new();
    let (one, other) = (stage.gateway(""), stage.gateway(""));
    let (phone, thief) = (Device(&one, "phone"), Device(&other, "thief"));
    let first = phone.log_in(ADMIN);
    assert_eq!((phone.status(&first), thief.status(&first)), (200, 200));
    let answer = phone.refresh(&first);
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.body);
    let second = answer.json()["data"].clone();
    assert_eq!(second["session_id"], first["session_id"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!((phone.status(&second), thief.status(&second)), (200, 200));

    let stolen = thief.refresh(&first);
    assert_eq!(code(&stolen), (401, "refresh_failed".to_owned()));
    for device in [phone, thief] {
        until("the access tokens are refused", || (device.status(&second) == 401).then_some(()));
        let refused = device.with(&second["access_token"], "GET", "me");
        assert_eq!(code(&refused), (401, "token_revoked".to_owned()));
    }
    assert_eq!(code(&phone.refresh(&second)), code(&stolen), "who of the two stole it, nobody can tell");
    let audited = ["session.started", "session.refreshed", "session.reuse_detected"];
    assert_eq!(stage.audited(), audited);
}

#[test]
fn the_same_device_is_given_the_same_pair_by_every_instance() {
    let stage = Stage::new();
    let (one, other) = (stage.gateway(""), stage.gateway(""));
    let first = Device(&one, "phone").log_in(ADMIN);
    // At once and by both: each waits for the other's transaction, and none sees a used token as stolen.
    let answers: Vec<String> = std::thread::scope(|scope| {
        let refresh = |index: usize| {
            let (gateway, first) = ([&one, &other][index % 2], &first);
            scope.spawn(move || Device(gateway, "phone").refresh(first))
        };
        let answers: Vec<_> = (0..6).map(refresh).collect();
        answers.into_iter().map(|answer| answer.join().unwrap().body).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let second = serde_json::from_str::<serde_json::Value>(&answers[0]).unwrap()["data"].clone();
    assert_eq!(Device(&other, "phone").status(&second), 200);
    assert_eq!(Device(&other, "phone").refresh(&second).status, 200, "the successor is good");
}

#[test]
fn without_a_grace_a_second_refresh_is_a_theft() {
    let stage = Stage::new();
    let gateway = stage.gateway("refresh_grace = \"0s\"");
    let phone = Device(&gateway, "phone");
    let first = phone.log_in(ADMIN);
    let second = phone.refresh(&first).json()["data"].clone();
    assert_eq!(phone.refresh(&first).status, 401);
    assert_eq!((phone.refresh(&second).status, phone.status(&second)), (401, 401));
}

#[test]
fn a_refresh_says_what_the_roles_are_now() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let first = phone.log_in(ADMIN);
    let roles = |pair: &serde_json::Value| {
        phone.with(&pair["access_token"], "GET", "permissions").json()["data"]["roles"].clone()
    };
    assert_eq!(roles(&first), json!(["tenant_admin"]));
    stage.sql("UPDATE grants SET role = 'viewer' WHERE role = 'tenant_admin'");
    let second = phone.refresh(&first).json()["data"].clone();
    assert_eq!(roles(&second), json!(["viewer"]));
}

#[test]
fn what_expired_is_cleared_away() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let (old, young) = (phone.log_in(ADMIN), phone.log_in(ADMIN));
    let id = old["session_id"].as_str().unwrap();
    stage.sql(&format!("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = '{id}'"));
    assert_eq!(phone.refresh(&old).status, 401);
    let store = stage.store();
    let clear = |work: olympus_gateway::store::Work| async move {
        work.sessions().clear(chrono::Utc::now(), 10).await
    };
    let cleared = stage.runtime.block_on(async { store.platform().run(clear).await });
    assert_eq!(cleared.unwrap(), 1);
    assert_eq!(phone.refresh(&young).status, 200);
}
