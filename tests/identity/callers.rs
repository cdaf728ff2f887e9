//! Who calls, and what clients and backends are told of it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use olympus_gateway::config::Algorithm as Way;
use olympus_gateway::error::Kind;
use olympus_gateway::identity::{
    ApiKey, Authenticator, Feed, Issuance, Reason, Revocation, Revocations, Sources, Thing, new_key,
};
use olympus_gateway::model::{Permission, ScopedRole, SessionId, TenantId, TokenId};
use olympus_gateway::pipeline::{Locals, Pipeline, Snapshot};
use olympus_gateway::store::Store;
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{Metrics, RevocationMetrics, Tokens};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::maker::{Maker, SESSION, TENANT, TOKEN, claims, encode};
use crate::stage::{Folder, ask, call, pipeline, pools, settings, snapshot};

fn keys() -> (Folder, Maker) {
    let (keys, pem) = (Folder::new(), new_key(Way::EdDsa).unwrap());
    keys.write("1.pem", &pem);
    (keys, Maker::of(Algorithm::EdDSA, &pem))
}

fn auth(keys: &Folder) -> String {
    format!("[auth]\nkeys_dir = {:?}\n", keys.path())
}

#[tokio::test]
async fn a_route_says_who_needs_a_token() {
    let (keys, maker) = keys();
    let pipeline = pipeline(&auth(&keys));
    let bearer = format!("Bearer {}", maker.good());
    let cases: [(&str, &str, &str); 12] = [
        ("/required", "", "401 token_missing"),
        ("/required", &bearer, "proxy"),
        ("/required", &bearer.replace("Bearer", "bEARER"), "proxy"),
        ("/required", &bearer.replace("Bearer ", "Bearer  "), "proxy"),
        ("/required", "Basic YTpi", "401 token_missing"),
        ("/required", "Bearer", "401 token_invalid"),
        ("/required", "Bearer x", "401 token_invalid"),
        ("/optional", "", "proxy"),
        ("/optional", "Basic YTpi", "proxy"),
        ("/optional", "Bearer x", "401 token_invalid"),
        ("/none", "Bearer x", "proxy"),
        ("/none", &bearer, "proxy"),
    ];
    for (path, value, expected) in cases {
        let sent = [("authorization", value)];
        let seen = ask(&pipeline, path, if value.is_empty() { &[] } else { &sent }).await;
        assert_eq!(seen.word, expected, "{path} {value}");
        let is_known = path != "/none" && expected == "proxy" && value.to_lowercase().starts_with("bearer");
        assert_eq!(seen.exchange.caller.is_some(), is_known, "{path} {value}");
    }
}

#[tokio::test]
async fn a_refusal_helps_who_builds_a_client_and_shows_nothing_of_the_token() {
    let (keys, maker) = keys();
    let pipeline = pipeline(&auth(&keys));
    let seen = ask(&pipeline, "/required", &[]).await;
    assert_eq!(seen.header("www-authenticate"), "Bearer realm=\"olympus\"");
    let mut old = claims();
    old["exp"] = json!(1);
    old["sub"] = json!("somebody");
    let seen = call(&pipeline, "/required", &maker.sign(&maker.header(), &old)).await;
    assert_eq!(seen.word, "401 token_expired");
    let challenge =
        "Bearer realm=\"olympus\", error=\"invalid_token\", error_description=\"the token has expired\"";
    assert_eq!(seen.header("www-authenticate"), challenge);
    assert_eq!(seen.header("cache-control"), "no-store");
    assert!(!seen.document.to_string().contains("somebody"));
    let good = format!("Bearer {}", maker.good());
    let two = [("authorization", good.as_str()), ("authorization", good.as_str())];
    let seen = ask(&pipeline, "/required", &two).await;
    assert_eq!(seen.word, "400 invalid_request");
    assert!(seen.header("www-authenticate").contains("error=\"invalid_request\""));
}

#[tokio::test]
async fn an_api_key_is_told_from_a_token() {
    let (keys, _) = keys();
    let pipeline = pipeline(&auth(&keys));
    let key = ApiKey::generate().unwrap();
    for (text, detail) in [(key.expose(), "no API key is taken here"), (&key.expose()[..30], "API key")] {
        let seen = call(&pipeline, "/required", text).await;
        assert_eq!(seen.word, "401 token_invalid");
        assert!(seen.document["detail"].as_str().unwrap().contains(detail), "{}", seen.document);
    }
}

#[tokio::test]
async fn a_backend_is_told_who_calls_and_a_client_cannot() {
    let (keys, maker) = keys();
    let pipeline = pipeline(&auth(&keys));
    let token = format!("Bearer {}", maker.good());
    let claims = [("x-user-id", "eve"), ("x-roles", "platform_admin"), ("x-olympus-identity", "ey")];
    let seen =
        ask(&pipeline, "/required", &[&[("authorization", token.as_str())][..], &claims].concat()).await;
    let headers = seen.prepared();
    assert_eq!(headers["x-user-id"], "ada");
    assert_eq!(headers["x-tenant-id"], TENANT);
    assert_eq!(headers["x-roles"], "manager,member");
    assert_eq!(headers["authorization"], token.as_str(), "it is the backend's to read, too");
    assert!(!headers.contains_key("x-olympus-identity"));
    for path in ["/none", "/optional"] {
        let headers = ask(&pipeline, path, &claims).await.prepared();
        assert!(claims.iter().all(|(name, _)| !headers.contains_key(*name)), "{path}: {headers:?}");
    }
}

#[tokio::test]
async fn a_backend_can_verify_who_calls() {
    let (keys, maker) = keys();
    let route = "[routes.signed]\npath = \"/signed\"\nupstream = \"app\"\nidentity = \"signed\"\n";
    let pipeline = pipeline(&format!("{}{route}", auth(&keys)));
    let token = maker.good();
    let headers = call(&pipeline, "/signed", &token).await.prepared();
    assert!(!headers.contains_key("x-user-id"));
    let identity = headers["x-olympus-identity"].to_str().unwrap().to_owned();
    let published: Value = serde_json::from_slice(&pipeline.identity().published_keys()).unwrap();
    let header = jsonwebtoken::decode_header(&identity).unwrap();
    assert_eq!(header.typ.as_deref(), Some("olympus-identity+jwt"));
    let jwk = serde_json::from_value(published["keys"][0].clone()).unwrap();
    assert_eq!(published["keys"][0]["kid"], json!(header.kid.unwrap()));
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["app"]);
    validation.set_issuer(&["olympus"]);
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    let said = jsonwebtoken::decode::<Value>(&identity, &key, &validation).unwrap().claims;
    assert_eq!(
        (&said["sub"], &said["tenant"], &said["sid"]),
        (&json!("ada"), &json!(TENANT), &json!(SESSION))
    );
    assert_eq!(said["roles"], json!(["manager", "member"]));
    assert!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap() <= 60);
    let again = call(&pipeline, "/signed", &token).await.prepared();
    assert_eq!(again["x-olympus-identity"], identity.as_str(), "made once for many requests");
    let replayed = call(&pipeline, "/required", &identity).await;
    assert_eq!(replayed.word, "401 token_invalid", "it opens nothing here");
}

#[test]
fn only_public_halves_are_published() {
    let (keys, _) = keys();
    let set: Value =
        serde_json::from_slice(&snapshot(settings(&auth(&keys))).identity.published_keys()).unwrap();
    let key = set["keys"][0].as_object().unwrap();
    let members: Vec<&str> = key.keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn bearing(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

#[tokio::test]
async fn what_was_verified_once_is_refused_when_it_expires() {
    let (keys, maker) = keys();
    let identity = snapshot(settings(&auth(&keys))).identity;
    let (headers, said) = (bearing(&maker.good()), claims());
    let (from, until) = (said["nbf"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
    let reason = async |now| identity.authenticate(&headers, at(now)).await.err().map(|denial| denial.reason);
    assert_eq!(reason(from - 6).await, Some(Reason::Invalid), "more than the leeway of 5 s early");
    assert_eq!(reason(from - 4).await, None);
    let one = identity.authenticate(&headers, at(from)).await.unwrap().unwrap();
    let other = identity.authenticate(&headers, at(until - 1)).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &other), "from the cache");
    let late = identity.authenticate(&headers, at(until)).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&one, &late), "verified anew within the leeway");
    assert_eq!(reason(until + 4).await, None);
    assert_eq!(reason(until + 5).await, Some(Reason::Expired));
}

#[tokio::test]
async fn what_was_verified_once_is_refused_when_it_is_taken_back() {
    let (keys, maker) = keys();
    let (now, later) = (Utc::now(), Utc::now() + TimeDelta::hours(1));
    let other = new_id();
    for (what, is_mine) in [
        (Revocation::Token(TOKEN.parse().unwrap()), true),
        (Revocation::Session(SESSION.parse().unwrap()), true),
        (Revocation::User(TENANT.parse().unwrap(), "ada".into(), later), true),
        (Revocation::Tenant(TENANT.parse().unwrap(), later), true),
        (Revocation::Token(TokenId::new()), false),
        (Revocation::Session(SessionId::new()), false),
        (Revocation::User(other, "ada".into(), later), false),
    ] {
        let pipeline = pipeline(&auth(&keys));
        let token = maker.good();
        assert_eq!(call(&pipeline, "/required", &token).await.word, "proxy");
        pipeline.identity().revocations().add(what.clone(), later, now).unwrap();
        let expected = if is_mine { "401 token_revoked" } else { "proxy" };
        assert_eq!(call(&pipeline, "/required", &token).await.word, expected, "{what:?}");
    }
}

/// A pipeline that hears of others through a database that is not there.
fn pipeline_alone(more: &str) -> Pipeline {
    let (settings, revocations) = (settings(more), Arc::new(Revocations::default()));
    let lifecycle = Lifecycle::new(Handle::current());
    let postgres = toml::from_str("url = \"postgres://nobody@127.0.0.1:1/nothing\"").unwrap();
    let store = Store::new(&postgres, lifecycle.clone(), Metrics::new().postgres()).unwrap();
    let (redis, metrics) = (None, RevocationMetrics::default());
    Feed::new(Sources { store, redis, revocations: revocations.clone(), lifecycle, metrics });
    let identity = Authenticator::new(&settings, Tokens::default()).unwrap().with_revocations(revocations);
    let pools = pools(&settings);
    let snapshot = Snapshot::compile_with(Arc::new(settings), &pools, Arc::new(identity)).unwrap();
    Pipeline::new(snapshot, Locals::default())
}

#[tokio::test]
async fn routes_that_are_sensitive_wait_for_what_may_have_been_taken_back_and_others_do_not() {
    let (keys, maker) = keys();
    let more = format!(
        "{}\n[routes.sensitive]\npath = \"/sensitive\"\nupstream = \"app\"\nsensitive = true\n",
        auth(&keys)
    );
    let token = maker.good();
    let alone = pipeline_alone(&more);
    assert_eq!(call(&alone, "/sensitive", &token).await.word, "503 revocations_stale");
    assert_eq!(call(&alone, "/sensitive", "nonsense").await.word, "401 token_invalid");
    assert_eq!(call(&alone, "/required", &token).await.word, "proxy");
    let allowing = pipeline_alone(&format!("{more}[auth.revocation]\nwhen_stale = \"allow\"\n"));
    assert_eq!(call(&allowing, "/sensitive", &token).await.word, "proxy");
    let single = pipeline(&more);
    assert_eq!(call(&single, "/sensitive", &token).await.word, "proxy", "nobody else takes anything back");
}

fn new_id() -> TenantId {
    TenantId::new()
}

#[tokio::test]
async fn keys_change_without_refusing_what_was_signed_before() {
    let (keys, first) = keys();
    let start = settings(&auth(&keys));
    let pipeline = Pipeline::new(snapshot(start), Locals::default());
    let old = first.good();
    let reload = |pipeline: &Pipeline| {
        let settings = settings(&auth(&keys));
        let identity = pipeline.identity().renewed(&settings).unwrap();
        let pools = pools(&settings);
        pipeline.adopt(Snapshot::compile_with(Arc::new(settings), &pools, identity).unwrap());
    };
    let signer = |pipeline: &Pipeline| {
        let (subject, roles, scoped) = ("a".to_owned(), Vec::new(), Vec::new());
        let grant = Issuance { tenant: new_id(), subject, roles, scoped, session: None };
        let token = pipeline.identity().issue(&grant, None, Utc::now()).unwrap();
        (jsonwebtoken::decode_header(&token).unwrap().kid.unwrap(), token)
    };
    let pem = new_key(Way::Es256).unwrap();
    let second = Maker::of(Algorithm::ES256, &pem);
    keys.write("2.next.pem", &pem);
    reload(&pipeline);
    assert_eq!(signer(&pipeline).0, first.kid, "published, but does not sign yet");
    assert_eq!(call(&pipeline, "/required", &second.good()).await.word, "proxy");
    std::fs::rename(keys.path().join("2.next.pem"), keys.path().join("2.pem")).unwrap();
    reload(&pipeline);
    let (kid, made) = signer(&pipeline);
    assert_eq!(kid, second.kid);
    for token in [&old, &made] {
        assert_eq!(call(&pipeline, "/required", token).await.word, "proxy");
    }
    std::fs::remove_file(keys.path().join("1.pem")).unwrap();
    reload(&pipeline);
    assert_eq!(call(&pipeline, "/required", &old).await.word, "401 token_invalid", "its key is gone");
    assert_eq!(call(&pipeline, "/required", &made).await.word, "proxy");
}

#[test]
fn an_authenticator_goes_on_where_nothing_changed() {
    let (keys, _) = keys();
    let before = snapshot(settings(&auth(&keys))).identity;
    let until = Utc::now() + TimeDelta::hours(1);
    before.revocations().add(Revocation::Token(TokenId::new()), until, Utc::now()).unwrap();
    let same = before.renewed(&settings(&auth(&keys))).unwrap();
    assert!(Arc::ptr_eq(&before, &same));
    let other = before.renewed(&settings(&format!("{}audience = \"shop\"", auth(&keys)))).unwrap();
    assert!(!Arc::ptr_eq(&before, &other));
    assert_eq!(other.revocations().size(), 1, "what was taken back stays so");
}

#[tokio::test]
async fn roles_for_single_things_are_in_the_token_and_hold_for_these() {
    let (keys, maker) = keys();
    let pipeline = pipeline(&auth(&keys));
    let scoped = |role: &str, thing: &str| ScopedRole { role: role.to_owned(), thing: thing.to_owned() };
    let grant = |scoped: Vec<ScopedRole>| Issuance {
        tenant: TENANT.parse().unwrap(),
        subject: "ada".to_owned(),
        roles: Vec::new(),
        scoped,
        session: None,
    };
    let both = grant(vec![scoped("manager", "o-1"), scoped("viewer", "o-2"), scoped("manager", "o-3")]);
    let token = pipeline.identity().issue(&both, None, Utc::now()).unwrap();
    let caller = call(&pipeline, "/required", &token).await.exchange.caller.unwrap();
    let may = |id| caller.require_with(Permission::OrdersUpdate, Thing { id, owner: None }).is_ok();
    assert_eq!(["o-1", "o-2", "o-3", "o-4"].map(may), [true, false, true, false]);
    assert!(caller.require(Permission::OrdersRead).is_err());
    for (role, thing) in [("a,b", "o-1"), ("manager", ""), ("manager", "o 1")] {
        let refused = pipeline.identity().issue(&grant(vec![scoped(role, thing)]), None, Utc::now());
        assert_eq!(refused.unwrap_err().kind(), Kind::Invalid, "{role} {thing}");
    }
    let many = |most: u16| json!({ "manager": (0..most).map(|it| it.to_string()).collect::<Vec<_>>() });
    let long = "o".repeat(65);
    for (said, word) in [
        (many(32), "proxy"),
        (many(33), "401 token_invalid"),
        (json!(["manager"]), "401 token_invalid"),
        (json!({"manager": "o-1"}), "401 token_invalid"),
        (json!({"manager": [""]}), "401 token_invalid"),
        (json!({"manager": [7]}), "401 token_invalid"),
        (json!({"man,ager": ["o-1"]}), "401 token_invalid"),
        (json!({"manager": [long]}), "401 token_invalid"),
    ] {
        let mut claims = claims();
        claims["grants"] = said;
        let seen = call(&pipeline, "/required", &maker.sign(&maker.header(), &claims)).await;
        assert_eq!(seen.word, word, "{claims}");
    }
}

#[test]
fn what_is_issued_is_whole() {
    let (keys, maker) = keys();
    let identity = Authenticator::new(&settings(&auth(&keys)), Tokens::default()).unwrap();
    let grant = |role: &str| Issuance {
        tenant: TENANT.parse().unwrap(),
        subject: "ada".to_owned(),
        roles: vec![role.to_owned()],
        scoped: Vec::new(),
        session: Some(SESSION.parse().unwrap()),
    };
    let token = identity.issue(&grant("member"), Some("1h".parse().unwrap()), at(1000)).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let part =
        |text: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap() };
    assert_eq!(part(parts[0]), json!({"alg": "EdDSA", "typ": "at+jwt", "kid": maker.kid}));
    let mut claims = part(parts[1]);
    claims["jti"] = Value::Null;
    let expected = json!({
        "iss": "olympus", "aud": "olympus", "sub": "ada", "tenant": TENANT, "roles": ["member"], "sid": SESSION,
        "iat": 1000, "nbf": 1000, "exp": 4600, "jti": null,
    });
    assert_eq!(claims, expected);
    assert!(identity.issue(&grant("a,b"), None, at(1000)).is_err());
    assert_eq!(encode("x"), "eA");
}
