//! API keys through the router: made, used, listed, taken back; what they may do, and what remains without a database.

use chrono::{TimeDelta, Utc};
use futures_util::future::{join, join_all};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use olympus_gateway::identity::{ApiKey, Reason};
use olympus_gateway::model::{Expected, TenantId, UserChange, UserId, UserStatus};
use olympus_gateway::store::Work;
use serde_json::{Value, json};

use super::postgres::{Database, Server, store};
use super::stage::{Asking, Stage, eventually, keys, tenant, user};

const KEYS: &str = "/api/v1/auth/api-keys";

async fn make(stage: &Stage, token: &str, document: Value) -> (String, String) {
    let made = stage.ask(Asking(Method::POST, KEYS, token), Some(document)).await;
    assert_eq!(made.word(), "201", "{made:?}");
    let text = |name: &str| made.document["data"][name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

async fn member(stage: &Stage, tenant: TenantId, role: &str) -> (UserId, String) {
    let id = user(&stage.store, tenant, role).await;
    (id, stage.token(tenant, &id.to_string(), role))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_does_what_it_is_for_until_it_is_taken_back() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let other = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (_, token) = member(&stage, acme, "member").await;
    let (id, key) = make(&stage, &token, json!({"name": "ci", "scopes": ["api_keys:read:own"]})).await;
    let listed = stage.get(KEYS, &key).await;
    assert_eq!(listed.word(), "200", "{listed:?}");
    let entry = &listed.document["data"][0];
    assert_eq!((&entry["id"], &entry["key"], &entry["hint"]), (&json!(id), &json!(null), &json!(&key[..8])));
    eventually("its use is noted", async || {
        stage.get(KEYS, &token).await.document["data"][0]["last_used_at"].is_string()
    })
    .await;
    let more = stage
        .ask(Asking(Method::POST, KEYS, &key), Some(json!({"name": "b", "scopes": ["api_keys:read:own"]})))
        .await;
    assert_eq!(more.document["code"], json!("forbidden"), "it is for reading only: {more:?}");
    assert_eq!(stage.get("/tokens-only", &key).await.word(), "401 token_invalid");
    assert_eq!(other.get(KEYS, &key).await.word(), "200");

    let path = format!("{KEYS}/{id}");
    assert_eq!(stage.ask(Asking(Method::DELETE, &path, &token), None).await.word(), "204");
    assert_eq!(stage.get(KEYS, &key).await.word(), "401 token_revoked");
    eventually("the other instance refuses it", async || other.get(KEYS, &key).await.status == 401).await;
    assert_eq!(stage.ask(Asking(Method::DELETE, &path, &token), None).await.word(), "404 not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_key_for_more_than_they_may() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (_, token) = member(&stage, acme, "member").await;
    let stranger = stage.token(acme, "from-elsewhere", "member");
    let good = json!(["orders:read:own"]);
    let cases = [
        (&token, json!({"name": "a", "scopes": ["orders:*"]}), "400 invalid_request"),
        (&token, json!({"name": "a", "scopes": ["orders:read"]}), "400 invalid_request"),
        (&token, json!({"name": "a", "scopes": ["nothing:known"]}), "400 invalid_request"),
        (&token, json!({"name": "a", "scopes": []}), "400 invalid_request"),
        (
            &token,
            json!({"name": "a", "scopes": good, "expires_at": "2001-01-01T00:00:00Z"}),
            "400 invalid_request",
        ),
        (&token, json!({"name": "", "scopes": ["Orders"], "expires_at": 3, "x": 1}), "422 validation_failed"),
        (&stranger, json!({"name": "a", "scopes": good}), "409 conflict"),
    ];
    for (token, document, expected) in cases {
        let seen = stage.ask(Asking(Method::POST, KEYS, token), Some(document.clone())).await;
        assert_eq!(seen.word(), expected, "{document}");
    }
    let (_, viewer) = member(&stage, acme, "viewer").await;
    let seen =
        stage.ask(Asking(Method::POST, KEYS, &viewer), Some(json!({"name": "a", "scopes": good}))).await;
    assert_eq!(seen.word(), "404 not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_seen_by_their_owner_their_administrator_and_the_platform() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let (acme, globex) = (tenant(&stage.store, "acme").await, tenant(&stage.store, "globex").await);
    let (_, ada) = member(&stage, acme, "member").await;
    let (id, _) = make(&stage, &ada, json!({"name": "a", "scopes": ["orders:read:own"]})).await;
    let (_, eve) = member(&stage, acme, "member").await;
    let admins = [acme, globex].map(|tenant| stage.token(tenant, "admin", "tenant_admin"));
    let root = stage.token(globex, "root", "platform_admin");
    let there = format!("{KEYS}?tenant_id={acme}");
    let count = async |path: &str, token: &str| {
        let seen = stage.get(path, token).await;
        seen.document["data"].as_array().map_or(seen.word(), |list| list.len().to_string())
    };
    assert_eq!(count(KEYS, &ada).await, "1");
    assert_eq!(count(KEYS, &eve).await, "0");
    assert_eq!(count(KEYS, &admins[0]).await, "1");
    assert_eq!(count(KEYS, &admins[1]).await, "0");
    assert_eq!(count(&there, &admins[1]).await, "404 not_found");
    assert_eq!(count(KEYS, &root).await, "0");
    assert_eq!(count(&there, &root).await, "1");
    assert_eq!(count(&format!("{KEYS}?tenant_id=acme"), &root).await, "400 invalid_request");
    // However the name is written.
    assert_eq!(count(&format!("{KEYS}?tenant%5Fid={acme}"), &root).await, "1");
    let twice = format!("{KEYS}?tenant_id={acme}&tenant_id={globex}");
    assert_eq!(count(&twice, &root).await, "400 invalid_parameter");
    let path = format!("{KEYS}/{id}");
    for stranger in [&eve, &admins[1], &root] {
        assert_eq!(stage.ask(Asking(Method::DELETE, &path, stranger), None).await.word(), "404 not_found");
    }
    let path = format!("{path}?tenant_id={acme}");
    assert_eq!(stage.ask(Asking(Method::DELETE, &path, &root), None).await.word(), "204");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_walked_by_signed_cursors_and_found_by_their_owner() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (ada, eve) = (member(&stage, acme, "member").await, member(&stage, acme, "member").await);
    let scopes = json!(["orders:read:own"]);
    for (index, (_, token)) in [&ada, &ada, &eve, &ada, &eve].into_iter().enumerate() {
        make(&stage, token, json!({"name": format!("key {index}"), "scopes": scopes})).await;
    }
    let admin = stage.token(acme, "admin", "tenant_admin");
    let names = |document: &Value| -> Vec<String> {
        let keys = document["data"].as_array().unwrap();
        keys.iter().map(|key| key["name"].as_str().unwrap()["key ".len()..].to_owned()).collect()
    };
    let (mut seen, mut path) = (Vec::new(), format!("{KEYS}?limit=2"));
    loop {
        let page = stage.get(&path, &admin).await;
        assert_eq!(page.word(), "200", "{page:?}");
        assert_eq!(page.headers["x-total-count"], "5");
        seen.extend(names(&page.document));
        let Some(next) = page.document["meta"]["page"]["next"].as_str() else { break };
        let of_ada = stage.get(&format!("{KEYS}?user_id={}&after={next}", ada.0), &admin).await;
        assert_eq!(of_ada.word(), "400 invalid_cursor", "it is of another list");
        path = format!("{KEYS}?limit=2&after={next}");
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    let of_ada = format!("{KEYS}?user_id={}&sort=-created_at&fields=name", ada.0);
    let found = stage.get(&of_ada, &admin).await.document;
    assert_eq!(names(&found), ["3", "1", "0"]);
    assert_eq!(found["data"][0], json!({"name": "key 3"}));
    assert_eq!(names(&stage.get(&of_ada, &eve.1).await.document), Vec::<String>::new(), "not theirs to see");
    assert_eq!(stage.get(&format!("{KEYS}?sort=name"), &admin).await.word(), "400 invalid_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_hundred_good_keys_however_many_are_made_at_once() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (owner, token) = member(&stage, acme, "member").await;
    let fill = |from: u8, to: u8, expires: &str| {
        format!(
            "INSERT INTO api_keys (tenant_id, id, user_id, name, hash, hint, expires_at)
             SELECT '{acme}', gen_random_uuid(), '{owner}', 'k', sha256(n::text::bytea), 'olk_', {expires}
             FROM generate_series({from}, {to}) AS n"
        )
    };
    let superuser = database.connect("postgres").await;
    superuser.batch_execute(&fill(1, 9, "now() - interval '1 second'")).await.unwrap();
    superuser.batch_execute(&fill(10, 108, "now() + interval '1 hour'")).await.unwrap();
    let make = || async {
        let document = json!({"name": "a", "scopes": ["orders:read:own"]});
        stage.ask(Asking(Method::POST, KEYS, &token), Some(document)).await.word()
    };
    let mut made = futures_util::future::join_all((0..8).map(|_| make())).await;
    made.sort();
    assert_eq!(made[0], "201", "those that expired do not count");
    assert!(made[1..].iter().all(|word| word == "409 conflict"), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_with_its_owner() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (owner, token) = member(&stage, acme, "member").await;
    let (_, key) = make(&stage, &token, json!({"name": "a", "scopes": ["api_keys:read:own"]})).await;
    assert_eq!(stage.get(KEYS, &key).await.word(), "200");
    let change = &UserChange { status: Some(UserStatus::Suspended), ..UserChange::default() };
    let what =
        &olympus_gateway::identity::Revocation::User(acme, owner.to_string().into(), chrono::Utc::now());
    let until = chrono::Utc::now() + chrono::TimeDelta::hours(25);
    let suspend = |work: Work| async move {
        work.users().update(owner, &Expected::Any, change).await?;
        work.revocations().insert(acme, what, until).await
    };
    let recorded = stage.store.tenant(acme).run(suspend).await.unwrap();
    stage.feed.announce(vec![recorded]);
    assert_eq!(stage.get(KEYS, &key).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_tenant_or_owner_is_shut_out_was_taken_back_wherever_it_is_shown_first() {
    let (database, folder) = (Database::new().await, keys());
    let stage = Stage::new(&database, &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (owner, token) = member(&stage, acme, "member").await;
    let (_, key) = make(&stage, &token, json!({"name": "a", "scopes": ["api_keys:read:own"]})).await;
    let superuser = database.connect("postgres").await;
    for (shut, open) in [
        ("UPDATE tenants SET status = 'suspended'", "UPDATE tenants SET status = 'active'"),
        ("UPDATE users SET status = 'suspended'", "UPDATE users SET status = 'active'"),
        ("UPDATE api_keys SET revoked_at = now()", "UPDATE api_keys SET revoked_at = NULL"),
    ] {
        superuser.batch_execute(shut).await.unwrap();
        // One that has never seen the key.
        let fresh = Stage::new(&database, &folder).await;
        assert_eq!(fresh.get(KEYS, &key).await.word(), "401 token_revoked", "{shut} of {owner}");
        superuser.batch_execute(open).await.unwrap();
    }
    assert_eq!(Stage::new(&database, &folder).await.get(KEYS, &key).await.word(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_keys_that_are_known_go_on_and_others_cannot_be_told() {
    let (mut server, folder) = (Server::start(), keys());
    let stage = Stage::on(store(&server.settings("olympus_template", "")), &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (_, token) = member(&stage, acme, "member").await;
    let (_, key) = make(&stage, &token, json!({"name": "a", "scopes": ["orders:read:own"]})).await;
    // Who may call but not list: what is asked is only whether the key is known.
    assert_eq!(stage.get(KEYS, &key).await.word(), "403 forbidden");
    let garbage = ApiKey::generate().unwrap();
    assert_eq!(stage.get(KEYS, garbage.expose()).await.word(), "401 token_invalid");
    server.kill();
    assert_eq!(stage.get(KEYS, &key).await.word(), "403 forbidden");
    assert_eq!(stage.get(KEYS, garbage.expose()).await.word(), "401 token_invalid", "remembered too");
    let other = ApiKey::generate().unwrap();
    assert_eq!(stage.get(KEYS, other.expose()).await.word(), "503 keys_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_known_goes_on_while_others_take_all_turns_to_ask_the_database() {
    let (database, folder) = (Database::new().await, keys());
    let patient = "acquire_timeout = \"10s\"\nstatement_timeout = \"10s\"";
    let stage = Stage::on(store(&database.settings(patient)), &folder).await;
    let acme = tenant(&stage.store, "acme").await;
    let (_, token) = member(&stage, acme, "member").await;
    let (_, key) = make(&stage, &token, json!({"name": "a", "scopes": ["api_keys:read:own"]})).await;
    assert_eq!(stage.get(KEYS, &key).await.word(), "200");
    // So much later that it would be asked for again.
    let later = Utc::now() + TimeDelta::minutes(1);
    let ask = async |key: &str| {
        let bearer = HeaderValue::try_from(format!("Bearer {key}")).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        stage.identity.authenticate_with_keys(&headers, later).await
    };
    let superuser = database.connect("postgres").await;
    superuser.batch_execute("BEGIN; LOCK TABLE api_keys").await.unwrap();
    let strangers = [(); 5].map(|()| ApiKey::generate().unwrap());
    let (last, first) = strangers.split_last().unwrap();
    let others = async {
        let (found, last) = join(ask(&key), ask(last.expose())).await;
        superuser.batch_execute("ROLLBACK").await.unwrap();
        (found, last)
    };
    // Those that are none come first, and have all turns.
    let asked = join_all(first.iter().map(|stranger| ask(stranger.expose())));
    let (asked, (found, last)) = join(asked, others).await;
    assert!(matches!(found, Ok(Some(_))), "{found:?}");
    assert!(last.is_err_and(|denial| denial.reason == Reason::NoDatabase));
    assert!(asked.iter().all(|it| it.as_ref().is_err_and(|denial| denial.reason == Reason::Invalid)));
}
