//! `/api/v1/tenants` through the router: who may do what, and what becomes of a tenant that is suspended.

use http::Method;
use olympus_gateway::model::{AuditField, Direction, Listing, TenantId};
use olympus_gateway::store::Work;
use serde_json::json;

use super::postgres::Database;
use super::stage::{Asking, Stage, eventually, keys, tenant, user};

const TENANTS: &str = "/api/v1/tenants";

async fn log(stage: &Stage, tenant: TenantId) -> Vec<String> {
    let listing = &Listing::by(AuditField::CreatedAt, Direction::Ascending, 100);
    let list = |work: Work| async move { work.audit().list(listing).await };
    stage.store.tenant(tenant).run(list).await.unwrap().items.into_iter().map(|it| it.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_run_the_platform_make_and_change_tenants_and_it_is_recorded() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let home = tenant(&stage.store, "home").await;
    let root = stage.token(home, "root", "platform_admin");
    let made =
        stage.ask(Asking(Method::POST, TENANTS, &root), Some(json!({"slug": "acme", "name": "Acme"}))).await;
    assert_eq!(made.word(), "201", "{made:?}");
    assert!(made.tag.starts_with("\"v1-"), "{made:?}");
    let id = made.document["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("{TENANTS}/{id}");
    let again =
        stage.ask(Asking(Method::POST, TENANTS, &root), Some(json!({"slug": "acme", "name": "A"}))).await;
    assert_eq!(
        (again.word(), &again.document["errors"][0]["pointer"]),
        ("409 conflict".into(), &json!("/slug"))
    );

    let change = json!({"name": "Acme Ltd", "limits": {"default": {"rate": "5/s", "burst": 9}}});
    let asking = || Asking(Method::PATCH, &path, &root);
    let stale = stage.ask_with(asking(), &[("if-match", "\"v7\"")], Some(change.clone())).await;
    assert_eq!(stale.word(), "412 precondition_failed");
    let changed = stage.ask_with(asking(), &[("if-match", "\"v1\"")], Some(change)).await;
    assert_eq!(changed.word(), "200", "{changed:?}");
    assert!(changed.tag.starts_with("\"v2-"), "{changed:?}");
    assert_eq!(changed.document["data"]["limits"], json!({"default": {"rate": "5/s", "burst": 9}}));
    let ada = stage.token(id.parse().unwrap(), "ada", "member");
    eventually("its limit holds", async || {
        stage.get("/api/v1/auth/api-keys", &ada).await.limits.contains("\"default\";q=10;w=2")
    })
    .await;
    for limits in [
        json!({"defualt": {"rate": "5/s"}}),
        json!({"address": {"rate": "5/s"}}),
        json!({"default": {"rate": "often"}}),
        json!({"default": {"rate": "5/s", "burst": 1}}),
    ] {
        let refused = stage.ask(asking(), Some(json!({ "limits": limits }))).await;
        assert_eq!(refused.word(), "400 invalid_request", "{limits}");
    }
    for name in ["", "   ", "two\nlines", &"a".repeat(201)] {
        let refused = stage.ask(asking(), Some(json!({ "name": name }))).await;
        assert_eq!(refused.word(), "422 validation_failed", "{name:?}");
    }
    let unknown = stage.ask(asking(), Some(json!({"status": "suspended"}))).await;
    assert_eq!(unknown.word(), "422 validation_failed");
    assert_eq!(log(&stage, id.parse().unwrap()).await, ["tenant.created", "tenant.updated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_read_as_any_other_thing() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let acme = tenant(&stage.store, "acme").await;
    let root = stage.token(acme, "root", "platform_admin");
    let path = format!("{TENANTS}/{acme}");
    let whole = stage.get(&path, &root).await;
    assert_eq!((whole.word(), whole.document["data"]["slug"].as_str()), ("200".into(), Some("acme")));
    for (name, value) in [("cache-control", "private, no-cache"), ("vary", "Authorization, Cookie")] {
        assert!(whole.headers.get_all(name).iter().any(|it| it == value), "{whole:?}");
    }
    let part = stage.get(&format!("{path}?fields=slug"), &root).await;
    assert_eq!(part.document["data"], json!({ "slug": "acme" }));
    assert_ne!(part.tag, whole.tag);
    let known = [("if-none-match", whole.tag.as_str())];
    let again = stage.ask_with(Asking(Method::GET, &path, &root), &known, None).await;
    assert_eq!((again.status.as_u16(), &again.tag, &again.document), (304, &whole.tag, &json!(null)));
    // It belongs to nobody but itself.
    for query in ["tenant_id=01890a5d-ac96-774b-bcce-b302099a8057", "fields=colour", "include=users"] {
        let refused = stage.get(&format!("{path}?{query}"), &root).await;
        assert_eq!(refused.word(), "400 invalid_parameter", "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_of_a_tenant_holds_for_every_change_of_it() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let (home, acme) = (tenant(&stage.store, "home").await, tenant(&stage.store, "acme").await);
    let root = stage.token(home, "root", "platform_admin");
    let path = format!("{TENANTS}/{acme}");
    let change = async |place: &str, (name, value): (&str, &str)| {
        let (method, document) = match place {
            "" => (Method::PATCH, Some(json!({ "name": "Acme" }))),
            _ => (Method::POST, None),
        };
        let path = format!("{path}{place}");
        stage.ask_with(Asking(method, &path, &root), &[(name, value)], document).await
    };
    let mut version = 1;
    for place in ["", "/suspend", "/resume"] {
        let (is, was) = (format!("\"v{version}\""), format!("\"v{}\"", version + 6));
        let weak = format!("W/{is}");
        for condition in [
            ("if-match", was.as_str()),
            ("if-match", weak.as_str()),
            ("if-none-match", is.as_str()),
            ("if-none-match", weak.as_str()),
            ("if-none-match", "*"),
        ] {
            let refused = change(place, condition).await;
            assert_eq!(refused.word(), "412 precondition_failed", "{place} {condition:?}");
        }
        let either = format!("{was}, {is}");
        let changed = change(place, ("if-match", &either)).await;
        assert_eq!(changed.word(), "200", "{place}: {changed:?}");
        version += 1;
        assert!(changed.tag.starts_with(&format!("\"v{version}-")), "{changed:?}");
    }
    assert_eq!(change("", ("if-match", "*")).await.word(), "200");
    assert_eq!(change("", ("if-none-match", "\"v1\"")).await.word(), "200");
    let less = change("", ("prefer", "return=minimal")).await;
    assert_eq!((less.word(), less.document.is_null()), ("204".into(), true));
    assert_eq!(less.headers["preference-applied"], "return=minimal");
    // What is not there is of no version.
    let path = format!("{TENANTS}/{}", TenantId::new());
    let condition = [("if-none-match", "*")];
    let nowhere = Asking(Method::PATCH, &path, &root);
    let nowhere = stage.ask_with(nowhere, &condition, Some(json!({ "name": "Acme" }))).await;
    assert_eq!(nowhere.word(), "404 not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_is_answered_as_before() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let acme = tenant(&stage.store, "acme").await;
    let root = stage.token(acme, "root", "platform_admin");
    let asking = || Asking(Method::POST, TENANTS, &root);
    let (key, other) = ([("idempotency-key", "k-1")], [("idempotency-key", "k 1")]);
    let new = json!({"slug": "globex", "name": "Globex"});
    let first = stage.ask_with(asking(), &key, Some(new.clone())).await;
    assert_eq!(first.word(), "201");
    let again = stage.ask_with(asking(), &key, Some(new.clone())).await;
    assert_eq!((again.word(), &again.tag, &again.document), ("201".into(), &first.tag, &first.document));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let changed = stage.ask_with(asking(), &key, Some(json!({"slug": "initech", "name": "I"}))).await;
    assert_eq!(changed.word(), "422 idempotency_mismatch");
    assert_eq!(stage.ask_with(asking(), &other, Some(new.clone())).await.word(), "400 invalid_request");
    assert_eq!(stage.ask(asking(), Some(new)).await.word(), "409 conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_know_of_a_tenant_is_told_that_there_is_none() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let (acme, globex) = (tenant(&stage.store, "acme").await, tenant(&stage.store, "globex").await);
    let tokens = ["platform_admin", "tenant_admin", "member"].map(|role| stage.token(acme, "ada", role));
    let [root, admin, member] = &tokens;
    let (own, other) = (format!("{TENANTS}/{acme}"), format!("{TENANTS}/{globex}"));
    let nowhere = format!("{TENANTS}/{}", TenantId::new());
    let suspend = format!("{other}/suspend");
    let cases = [
        (Method::GET, &own, ["200", "200", "404 not_found"]),
        (Method::GET, &other, ["200", "404 not_found", "404 not_found"]),
        (Method::GET, &nowhere, ["404 not_found", "404 not_found", "404 not_found"]),
        (Method::PATCH, &own, ["200", "403 forbidden", "404 not_found"]),
        (Method::PATCH, &other, ["200", "404 not_found", "404 not_found"]),
        (Method::POST, &suspend, ["200", "404 not_found", "404 not_found"]),
    ];
    for (method, path, expected) in cases {
        for (token, expected) in [member, admin, root].into_iter().zip(expected.into_iter().rev()) {
            let document = (method == Method::PATCH).then(|| json!({"name": "New"}));
            let seen = stage.ask(Asking(method.clone(), path, token), document).await;
            assert_eq!(seen.word(), expected, "{method} {path}");
        }
    }
    let mut listed = Vec::new();
    for token in [root, admin] {
        let page = stage.get(&format!("{TENANTS}?limit=1"), token).await;
        let page = &page.document;
        listed.push((page["data"][0]["slug"].clone(), page["meta"]["page"]["next"].clone()));
    }
    assert_eq!(listed, [(json!("acme"), json!("acme")), (json!("acme"), json!(null))]);
    assert_eq!(stage.get(TENANTS, member).await.word(), "403 forbidden");
    let next = stage.get(&format!("{TENANTS}?limit=1&after=acme"), root).await;
    assert_eq!(next.document["data"][0]["slug"], json!("globex"));
    assert_eq!(stage.get(&format!("{TENANTS}?limit=0"), root).await.word(), "400 invalid_request");
    assert_eq!(stage.get(TENANTS, "").await.word(), "401 token_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_is_shut_out_and_let_in_when_it_is_resumed() {
    let (database, keys) = (Database::new().await, keys());
    let stage = Stage::new(&database, &keys).await;
    let (home, acme) = (tenant(&stage.store, "home").await, tenant(&stage.store, "acme").await);
    let owner = user(&stage.store, acme, "tenant_admin").await.to_string();
    let (root, old) =
        (stage.token(home, "root", "platform_admin"), stage.token(acme, &owner, "tenant_admin"));
    let own = format!("{TENANTS}/{acme}");
    let turn = async |word: &str| {
        let path = format!("{own}/{word}");
        stage.ask(Asking(Method::POST, &path, &root), None).await
    };
    let wanted = json!({"name": "a", "scopes": ["tenants:read:own"]});
    let key = stage.ask(Asking(Method::POST, "/api/v1/auth/api-keys", &old), Some(wanted)).await;
    let key = key.document["data"]["key"].as_str().unwrap().to_owned();
    assert_eq!(stage.get(&own, &key).await.word(), "200");

    assert_eq!(turn("suspend").await.document["data"]["status"], json!("suspended"));
    assert_eq!(stage.get(&own, &old).await.word(), "401 token_revoked", "at once");
    let is = async |token: &str, word: &str| stage.get(&own, token).await.word() == word;
    eventually("new tokens are refused", async || {
        is(&stage.token(acme, &owner, "tenant_admin"), "401 token_revoked").await
    })
    .await;
    eventually("keys are refused", async || stage.get(&own, &key).await.status == 401).await;
    let version = stage.get(&own, &root).await.tag;
    assert_eq!(turn("suspend").await.tag, version, "nothing is changed that is so already");
    let home = format!("{TENANTS}/{home}/suspend");
    assert_eq!(stage.ask(Asking(Method::POST, &home, &root), None).await.word(), "409 conflict");

    assert_eq!(turn("resume").await.document["data"]["status"], json!("active"));
    eventually("keys are taken again", async || is(&key, "200").await).await;
    assert_eq!(stage.get(&own, &old).await.word(), "401 token_revoked", "what was taken back stays so");
    assert_eq!(log(&stage, acme).await, ["api_key.created", "tenant.suspended", "tenant.resumed"]);
}
