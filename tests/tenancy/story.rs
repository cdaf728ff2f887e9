//! Two gateways as operators run them, one database and one Redis: what is done on one is refused on the other.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use olympus_gateway::config::Settings;
use olympus_gateway::identity::{Authenticator, Issuance};
use olympus_gateway::model::TenantId;
use olympus_gateway::telemetry::Tokens;
use serde_json::{Value, json};

use super::postgres::Database;
use super::stage::{keys, tenant, user};
use super::support::folder::Folder;
use super::support::gateway::Gateway;
use super::support::http::{Answer, send};
use super::support::redis::Redis;
use super::support::wait::until;

fn token(keys: &Folder, (tenant, subject): (TenantId, &str), role: &str) -> String {
    let settings = format!("version = 1\nlisteners = {{}}\n[auth]\nkeys_dir = {:?}", keys.file(""));
    let settings: Settings = toml::from_str(&settings).unwrap();
    let (subject, roles, scoped) = (subject.to_owned(), vec![role.to_owned()], Vec::new());
    let grant = Issuance { tenant, subject, roles, scoped, session: None };
    let identity = Authenticator::new(&settings, Tokens::default()).unwrap();
    identity.issue(&grant, None, Utc::now() - TimeDelta::seconds(3)).unwrap()
}

fn ask(gateway: &Gateway, (method, path): (&str, &str), token: &str, document: &Value) -> Answer {
    let token = format!("Bearer {token}");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    send(method, &gateway.url(path), &headers, &document.to_string())
}

#[test]
fn what_is_taken_back_on_one_gateway_is_refused_by_the_other() {
    let (redis, keys) = (Redis::start(&[]), keys());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (database, home, acme, ada) = runtime.block_on(async {
        let database = Database::new().await;
        let store = database.store();
        let (home, acme) = (tenant(&store, "home").await, tenant(&store, "acme").await);
        let ada = user(&store, acme, "tenant_admin").await.to_string();
        (database, home, acme, ada)
    });
    let url = database.settings("").url.expose().to_owned();
    let config = format!(
        "{}\n[postgres]\nurl = {url:?}\n[redis]\nurls = [{:?}]\n[auth]\nkeys_dir = {:?}\n{AUTH}",
        super::stage::ROUTES,
        redis.url(),
        keys.file("")
    );
    let [one, other] = [(); 2].map(|()| Gateway::start(&config));
    let (root, ada) =
        (token(&keys, (home, "root"), "platform_admin"), token(&keys, (acme, &ada), "tenant_admin"));
    let (list, nothing) = ("/api/v1/auth/api-keys", json!({}));
    let made = ask(&one, ("POST", list), &ada, &json!({"name": "ci", "scopes": ["api_keys:read"]}));
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let text = |name: &str| made["data"][name].as_str().unwrap().to_owned();
    let (id, key) = (text("id"), text("key"));
    let get = |gateway: &Gateway, token: &str| {
        let token = format!("Bearer {token}");
        send("GET", &gateway.url(list), &[("authorization", &token)], "").status
    };
    assert_eq!((get(&one, &key), get(&other, &key)), (200, 200));
    let deleted = ask(&one, ("DELETE", &format!("{list}/{id}")), &ada, &nothing);
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    let began = Instant::now();
    until("the other refuses the key", || (get(&other, &key) == 401).then_some(()));
    report("a key", began.elapsed());

    assert_eq!((get(&one, &ada), get(&other, &ada)), (200, 200));
    let suspended = ask(&one, ("POST", &format!("/api/v1/tenants/{acme}/suspend")), &root, &nothing);
    assert_eq!(suspended.status, 200, "{}", suspended.body);
    let began = Instant::now();
    until("the other refuses the tenant", || (get(&other, &ada) == 401).then_some(()));
    report("a tenant", began.elapsed());
    assert_eq!(get(&one, &ada), 401);
    assert_eq!(get(&other, &root), 200, "others are not touched");
}

/// `local = "auth"` needs somebody who checks passwords; nobody logs in here.
const AUTH: &str = r#"
[upstreams.auth]
endpoints = [{ address = "127.0.0.1:9" }]
[backends.auth]
upstream = "auth"
token = "a-token-of-the-gateway-itself"
"#;

/// For whoever reads the output: timings are no assertions here.
fn report(what: &str, took: Duration) {
    println!("{what} was refused after {took:?}");
}
