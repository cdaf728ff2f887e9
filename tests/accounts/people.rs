//! Users made, changed and taken away, with their accounts at the auth service: also while that one fails.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, PASSWORD, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};
use crate::support::wait::{pass, until};

const ROUTES: &str = r#"
[routes.users]
path = ["/api/v1/users", "/api/v1/users/{*rest}"]
local = "rest"
auth = "required"
api_keys = true
"#;
/// Those who were not taken away.
const PRESENT: &str = "users WHERE deleted_at IS NULL";
const SECRET: &str = "correct horse battery";

/// Somebody with an access token, at a gateway.
struct Office<'g>(&'g Gateway, String);

impl<'g> Office<'g> {
    fn of(gateway: &'g Gateway, tenant: &str, email: &str) -> Self {
        let answer = Device(gateway, "office").try_log_in(tenant, email, PASSWORD);
        Self(gateway, format!("Bearer {}", answer.json()["data"]["access_token"].as_str().unwrap()))
    }

    fn call(&self, method: &str, path: &str, more: &[(&str, &str)], document: Option<&Value>) -> Answer {
        let url = self.0.url(&format!("/api/v1/users{path}"));
        let headers = [&[("authorization", self.1.as_str())], more].concat();
        match document {
            Some(document) => send_json(method, &url, &headers, document),
            None => send(method, &url, &headers, ""),
        }
    }

    fn make(&self, email: &str, role: &str) -> Answer {
        let new = json!({ "email": email, "name": "Ada", "roles": [role], "password": SECRET });
        self.call("POST", "", &[], Some(&new))
    }

    /// The id of somebody new.
    fn made(&self, email: &str, role: &str) -> String {
        let made = self.make(email, role);
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Changes some members of a user and nothing else.
    fn change(&self, id: &str, change: &Value) -> Answer {
        let mut whole = self.call("GET", &format!("/{id}"), &[], None).json()["data"].clone();
        let members = change.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(members);
        self.call("PUT", &format!("/{id}"), &[], Some(&whole))
    }

    fn remove(&self, id: &str) -> Answer {
        self.call("DELETE", &format!("/{id}"), &[], None)
    }
}

impl Stage {
    /// Whether the auth service itself lets somebody in.
    fn is_let_in_by_the_service(&self, email: &str) -> bool {
        let login = json!({ "tenant": "acme", "email": email, "password": SECRET });
        send_json("POST", &format!("http://{}/login", self.service()), &[], &login).status == 200
    }

    fn count(&self, table: &str) -> i64 {
        self.runtime.block_on(async {
            let counting = format!("SELECT count(*) FROM {table}");
            self.database.connect("postgres").await.query_one(&counting, &[]).await.unwrap().get(0)
        })
    }

    /// Waits until the job has nothing to do any more.
    fn settled(&self) {
        until("all intents are settled", || {
            self.sql("UPDATE intents SET due_at = now()");
            (self.count("intents") == 0).then_some(())
        });
    }
}

fn log_in(gateway: &Gateway, email: &str) -> Answer {
    Device(gateway, "phone").try_log_in("acme", email, SECRET)
}

#[test]
fn somebody_new_logs_in_and_loses_everything_on_every_instance_when_taken_away() {
    let stage = Stage::new();
    let (one, other) = (stage.gateway(ROUTES), stage.gateway(ROUTES));
    let office = Office::of(&one, "acme", ADMIN);
    let made = office.make("Ada@acme.example", "member");
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!made.body.contains(SECRET));
    let user = made.json()["data"].clone();
    assert_eq!((&user["roles"], &user["status"]), (&json!(["member"]), &json!("active")));
    let path = format!("/{}", user["id"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("/api/v1/users{path}"));
    assert_eq!(office.call("GET", &path, &[], None).json()["data"], user);
    let found = office.call("GET", "?email[eq]=ADA@acme.example&role[in]=member,viewer", &[], None).json();
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");

    let pair = log_in(&one, "ada@acme.example").json()["data"].clone();
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let key = json!({ "name": "ci", "scopes": ["users:read:own"] });
    let key =
        Device(&one, "phone").call("POST", "api-keys", &[("authorization", &bearer)], Some(&key)).json();
    let by_key = Office(&other, format!("Bearer {}", key["data"]["key"].as_str().unwrap()));
    assert_eq!(by_key.call("GET", &path, &[], None).status, 200);
    assert_eq!(Device(&other, "phone").status(&pair), 200);

    assert_eq!(office.call("DELETE", &path, &[], None).status, 204);
    until("the token is refused elsewhere", || (Device(&other, "phone").status(&pair) == 401).then_some(()));
    until("the key is refused elsewhere", || {
        (code(&by_key.call("GET", &path, &[], None)) == (401, "token_revoked".to_owned())).then_some(())
    });
    assert_eq!(Device(&other, "phone").refresh(&pair).status, 401);
    assert_eq!(log_in(&other, "ada@acme.example").status, 401);
    assert_eq!(office.call("GET", &path, &[], None).status, 404);
    assert!(!stage.is_let_in_by_the_service("ada@acme.example"));
    assert_eq!(stage.count("intents"), 0);
    office.made("ada@acme.example", "viewer");
    let topics = stage.topics();
    assert_eq!(topics, ["user.created", "user.deleted", "user.created"]);
    let told = stage.word("SELECT payload::text FROM outbox WHERE topic = 'user.deleted'");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["version"], &told["roles"]), (&json!(2), &json!(["member"])), "as they were at last");
}

#[test]
fn a_service_that_fails_leaves_no_half_of_a_user() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    let before = stage.count(PRESENT);
    for (words, email) in
        [("status=503", "a@acme.example"), ("hang", "b@acme.example"), ("reset", "c@acme.example")]
    {
        stage.fault(words);
        let refused = office.make(email, "member");
        assert_eq!(code(&refused), (503, "unavailable".to_owned()), "{words}: {}", refused.body);
        stage.mend();
        stage.settled();
        assert!(!stage.is_let_in_by_the_service(email), "{words}");
        assert_eq!((stage.count(PRESENT), stage.topics().len()), (before, 0), "{words}");
        let id = office.made(email, "member");
        stage.fault(words);
        assert_eq!(office.remove(&id).status, 204, "{words}");
        assert_eq!(log_in(&gateway, email).status / 100, 5, "{words}: nobody can tell whose the password is");
        stage.mend();
        assert_eq!(log_in(&gateway, email).status, 401, "{words}");
        stage.settled();
        assert!(!stage.is_let_in_by_the_service(email), "{words}");
        stage.sql("DELETE FROM outbox");
    }
}

#[test]
fn an_account_that_was_made_for_nobody_is_taken_away() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    // The service agrees, and the database then does not.
    stage.sql("ALTER TABLE outbox ADD CONSTRAINT broken CHECK (false) NOT VALID");
    assert_eq!(office.make("ada@acme.example", "member").status, 500);
    stage.sql("ALTER TABLE outbox DROP CONSTRAINT broken");
    stage.settled();
    assert!(!stage.is_let_in_by_the_service("ada@acme.example"));
    office.made("ada@acme.example", "member");
    assert!(stage.is_let_in_by_the_service("ada@acme.example"));
}

/// Has whoever takes an intent away wait for a lock that this test holds.
const WAITING: &str = "
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN OLD; END $$;
    CREATE TRIGGER waiting BEFORE DELETE ON intents FOR EACH ROW EXECUTE FUNCTION wait_for_the_test()";

#[test]
fn a_change_between_the_last_look_and_the_end_of_an_intent_is_not_forgotten() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    let id = office.made("ada@acme.example", "member");
    stage.sql(WAITING);
    let lock = stage.runtime.block_on(stage.database.connect("postgres"));
    stage.runtime.block_on(lock.batch_execute("SELECT pg_advisory_lock(1)")).unwrap();
    let rename = |name: &str| assert_eq!(office.change(&id, &json!({ "name": name })).status, 200);
    std::thread::scope(|scope| {
        scope.spawn(|| rename("First"));
        let waiting = "pg_locks WHERE NOT granted AND locktype";
        until("the service was told of the first", || {
            (stage.count(&format!("{waiting} = 'advisory'")) == 1).then_some(())
        });
        stage.fault("status=503");
        scope.spawn(|| rename("Second"));
        until("the second is made or waits", || {
            let others = stage.count(&format!("{waiting} <> 'advisory'"));
            (others + stage.count("users WHERE name = 'Second'") > 0).then_some(())
        });
        stage.runtime.block_on(lock.batch_execute("SELECT pg_advisory_unlock(1)")).unwrap();
    });
    assert_eq!(stage.count("intents"), 1, "the service has not heard of the second");
    stage.mend();
    stage.settled();
}

#[test]
fn another_address_is_one_of_both_sides_or_of_none() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    let id = office.made("ada@acme.example", "member");
    stage.fault("status=503");
    let refused = office.change(&id, &json!({ "email": "lovelace@acme.example" }));
    assert_eq!(code(&refused), (503, "unavailable".to_owned()));
    let renamed = office.change(&id, &json!({ "name": "Lovelace" }));
    // What was begun before is not settled, so the name waits for it.
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    stage.mend();
    stage.settled();
    assert_eq!(log_in(&gateway, "lovelace@acme.example").status, 401);
    assert_eq!(log_in(&gateway, "ada@acme.example").status, 200);
    let changed = office.change(&id, &json!({ "email": "lovelace@acme.example" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(log_in(&gateway, "ada@acme.example").status, 401);
    assert_eq!(log_in(&gateway, "lovelace@acme.example").status, 200);
    let taken = office.change(&id, &json!({ "email": "VIEWER@acme.example" }));
    assert_eq!(code(&taken), (409, "conflict".to_owned()));
    assert_eq!(taken.json()["errors"][0]["pointer"], "/email");
    assert_eq!(stage.count("intents"), 0);
}

#[test]
fn who_is_suspended_or_loses_a_role_loses_what_came_of_it_at_once() {
    let stage = Stage::new();
    let (one, other) = (stage.gateway(ROUTES), stage.gateway(ROUTES));
    let office = Office::of(&one, "acme", ADMIN);
    let id = office.made("ada@acme.example", "manager");
    let first = log_in(&one, "ada@acme.example").json()["data"].clone();
    assert_eq!(office.change(&id, &json!({ "roles": ["viewer"] })).status, 200);
    let phone = Device(&other, "phone");
    until("the token with the role is refused", || (phone.status(&first) == 401).then_some(()));
    // One that was made within the same second is refused too.
    let mut second = first;
    until("a token without it is good", || {
        // Refreshes are limited, and only the next second makes a difference.
        pass(Duration::from_millis(250));
        let refreshed = Device(&one, "phone").refresh(&second);
        assert_eq!(refreshed.status, 200, "{}", refreshed.body);
        second = refreshed.json()["data"].clone();
        (phone.status(&second) == 200).then_some(())
    });
    let roles = phone.with(&second["access_token"], "GET", "me").json()["data"]["token"]["roles"].clone();
    assert_eq!(roles, json!(["viewer"]));
    assert_eq!(office.change(&id, &json!({ "status": "suspended" })).status, 200);
    until("the token is refused", || (phone.status(&second) == 401).then_some(()));
    assert_eq!(phone.refresh(&second).status, 401);
    assert_eq!(log_in(&other, "ada@acme.example").status, 401);
    assert_eq!(office.change(&id, &json!({ "status": "active" })).status, 200);
    assert_eq!(log_in(&other, "ada@acme.example").status, 200);
}

#[test]
fn nobody_gives_or_rules_beyond_what_they_may_themselves() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    for role in ["platform_admin", "service"] {
        assert_eq!(code(&office.make("eve@acme.example", role)), (403, "forbidden".to_owned()), "{role}");
    }
    let unknown = office.make("eve@acme.example", "emperor");
    assert_eq!(code(&unknown), (422, "validation_failed".to_owned()));
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/roles/0");
    let id = office.made("ada@acme.example", "member");
    assert_eq!(office.change(&id, &json!({ "roles": ["member", "platform_admin"] })).status, 403);
    let of = |email: &str| stage.word(&format!("SELECT id::text FROM users WHERE email = '{email}'"));
    let platform = of("platform@acme.example");
    assert_eq!(office.change(&platform, &json!({ "status": "suspended" })).status, 403);
    assert_eq!(office.remove(&platform).status, 403);
    // What is one's own is one's own to change, but for what others decide.
    let ada = Device(&gateway, "phone").try_log_in("acme", "ada@acme.example", SECRET).json();
    let ada = Office(&gateway, format!("Bearer {}", ada["data"]["access_token"].as_str().unwrap()));
    assert_eq!(ada.change(&id, &json!({ "name": "Countess" })).status, 200);
    for change in
        [json!({ "roles": ["manager"] }), json!({ "roles": ["viewer"] }), json!({ "status": "suspended" })]
    {
        assert_eq!(ada.change(&id, &change).status, 403, "{change}");
    }
    assert_eq!(ada.call("GET", "", &[], None).json()["data"].as_array().unwrap().len(), 1);
    let stranger = Office::of(&gateway, "globex", "admin@globex.example");
    for method in ["GET", "DELETE"] {
        assert_eq!(stranger.call(method, &format!("/{id}"), &[], None).status, 404, "{method}");
    }
    // The platform's administrator is one of acme's too, so that there are two who may give roles.
    let admin = of(ADMIN);
    stage.sql("UPDATE users SET status = 'suspended' WHERE email = 'platform@acme.example'");
    for change in [json!({ "status": "suspended" }), json!({ "roles": ["manager"] })] {
        assert_eq!(code(&office.change(&admin, &change)), (409, "conflict".to_owned()), "{change}");
    }
    assert_eq!(code(&office.remove(&admin)), (409, "conflict".to_owned()));
    office.made("second@acme.example", "tenant_admin");
    assert_eq!(office.change(&admin, &json!({ "roles": ["manager"] })).status, 200);
}

#[test]
fn faults_are_told_at_once_and_versions_and_keys_are_held() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let office = Office::of(&gateway, "acme", ADMIN);
    let bad = json!({ "email": "no address", "name": "", "roles": [], "password": "short", "age": 3 });
    let refused = office.call("POST", "", &[], Some(&bad));
    assert_eq!(code(&refused), (422, "validation_failed".to_owned()));
    let document = refused.json();
    let mut faults: Vec<_> =
        document["errors"].as_array().unwrap().iter().map(|it| it["pointer"].to_string()).collect();
    faults.sort();
    assert_eq!(faults, ["\"/age\"", "\"/email\"", "\"/name\"", "\"/password\"", "\"/roles\""]);
    let new = json!({ "email": "ada@acme.example", "name": "Ada", "roles": ["member"], "password": SECRET });
    let key = [("idempotency-key", "one")];
    let (first, again) =
        (office.call("POST", "", &key, Some(&new)), office.call("POST", "", &key, Some(&new)));
    assert_eq!((first.status, again.status), (201, 201), "{} {}", first.body, again.body);
    assert_eq!(first.body, again.body);
    let taken = office.make("ADA@acme.example", "member");
    assert_eq!(
        (code(&taken), &taken.json()["errors"][0]["pointer"]),
        ((409, "conflict".to_owned()), &json!("/email"))
    );
    let path = format!("/{}", first.json()["data"]["id"].as_str().unwrap());
    let tag = first.header("etag").to_owned();
    let mut whole = first.json()["data"].clone();
    whole["name"] = json!("Lovelace");
    let changed = office.call("PUT", &path, &[("if-match", &tag)], Some(&whole));
    assert_eq!(
        (changed.status, &changed.json()["data"]["name"]),
        (200, &json!("Lovelace")),
        "{}",
        changed.body
    );
    for method in ["PUT", "DELETE"] {
        let late = office.call(method, &path, &[("if-match", &tag)], (method == "PUT").then_some(&whole));
        assert_eq!(code(&late), (412, "precondition_failed".to_owned()), "{method}");
    }
    let tag = changed.header("etag");
    for (method, known) in [("PUT", tag), ("DELETE", tag), ("PUT", "*"), ("DELETE", "*")] {
        let document = (method == "PUT").then_some(&whole);
        let refused = office.call(method, &path, &[("if-none-match", known)], document);
        assert_eq!(code(&refused), (412, "precondition_failed".to_owned()), "{method} {known}");
    }
    let same = office.call("PUT", &path, &[("if-none-match", "\"v1\"")], Some(&whole));
    assert_eq!(same.header("etag"), changed.header("etag"), "what changes nothing is no change");
}
