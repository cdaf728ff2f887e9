//! Logins, introspection, credentials.

use serde_json::{Value, json};

use crate::Folder;
use crate::support::http::{Answer, get, send, send_json};
use crate::support::process::Process;

const SERVICE_TOKEN: &str = "service-token-of-the-tests";
const DEMO_PASSWORD: &str = "olympus-demo-1";

/// Hashing is made cheap, since tests log in often and debug builds hash slowly.
fn auth(folder: &Folder) -> Process {
    let (database, token) = (folder.file("auth.db"), folder.file("token"));
    std::fs::write(&token, SERVICE_TOKEN).unwrap();
    let arguments =
        ["--database", &database, "--service-token-file", &token, "--seed-demo", "--hash-memory", "64"];
    Process::example("auth", "auth-1", &arguments)
}

fn log_in(service: &Process, tenant: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "tenant": tenant, "email": email, "password": password });
    send_json("POST", &service.url("/login"), &[], &body)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn a_login_gives_a_token_that_says_who_it_is() {
    let folder = Folder::new("login");
    let service = auth(&folder);
    let welcome = log_in(&service, "acme", "Admin@acme.example", DEMO_PASSWORD).json();
    assert_eq!((&welcome["tenant"], &welcome["roles"]), (&json!("acme"), &json!(["tenant_admin"])));
    let token = welcome["token"].as_str().unwrap();

    let mine = [("authorization", bearer(token))];
    let mine = mine.each_ref().map(|(name, value)| (*name, value.as_str()));
    let info = send("GET", &service.url("/userinfo"), &mine, "");
    assert_eq!((info.status, &info.json()["user_id"]), (200, &welcome["user_id"]));
    assert_eq!(get(&service.url("/userinfo")).header("www-authenticate"), "Bearer");

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("token={token}");
    assert_eq!(send("POST", &service.url("/introspect"), &form, &body).status, 401);
    let service_token = bearer(SERVICE_TOKEN);
    let trusted = [form[0], ("authorization", service_token.as_str())];
    let good = send("POST", &service.url("/introspect"), &trusted, &body).json();
    assert_eq!((&good["active"], &good["sub"]), (&json!(true), &welcome["user_id"]));
    let unknown = send("POST", &service.url("/introspect"), &trusted, "token=other").json();
    assert_eq!(unknown, json!({ "active": false }));
}

#[test]
fn a_refused_login_does_not_tell_what_was_wrong() {
    let folder = Folder::new("refused");
    let service = auth(&folder);
    let refusals = [
        log_in(&service, "acme", "admin@acme.example", "not the password"),
        log_in(&service, "acme", "nobody@acme.example", DEMO_PASSWORD),
        log_in(&service, "globex", "manager@acme.example", DEMO_PASSWORD),
        log_in(&service, "acme", "admin@acme.example", ""),
    ];
    for refusal in &refusals {
        assert_eq!((refusal.status, &refusal.body), (401, &refusals[0].body));
    }
}

#[test]
fn services_manage_credentials() {
    let folder = Folder::new("credentials");
    let service = auth(&folder);
    let url = service.url("/credentials/0195f7a0-0000-7000-8000-000000000001");
    let service_token = bearer(SERVICE_TOKEN);
    let trusted = [("authorization", service_token.as_str())];
    let ada = |password: Value, role: &str| {
        json!({ "tenant": "acme", "email": "ada@acme.example", "name": "Ada",
                "roles": [role], "password": password })
    };

    assert_eq!(send_json("PUT", &url, &[], &ada(json!("long enough"), "member")).status, 401);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(json!("short"), "member")).status, 422);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(Value::Null, "member")).status, 422);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(json!("long enough"), "member")).status, 201);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(Value::Null, "manager")).status, 200);
    let welcome = log_in(&service, "acme", "ada@acme.example", "long enough").json();
    assert_eq!(welcome["roles"], json!(["manager"]));

    let taken = service.url("/credentials/0195f7a0-0000-7000-8000-000000000002");
    assert_eq!(send_json("PUT", &taken, &trusted, &ada(json!("long enough"), "member")).status, 409);

    assert_eq!(send("DELETE", &url, &trusted, "").status, 204);
    assert_eq!(log_in(&service, "acme", "ada@acme.example", "long enough").status, 401);
}

#[test]
fn credentials_outlive_a_restart_and_secrets_stay_out_of_the_log() {
    let folder = Folder::new("restart");
    let service = auth(&folder);
    let first = log_in(&service, "globex", "admin@globex.example", DEMO_PASSWORD).json();
    let line = service.log_line(&["logged in"]);
    assert!(!line.contains(first["token"].as_str().unwrap()) && !line.contains(DEMO_PASSWORD), "{line}");
    assert_eq!(service.stop().code(), Some(0));

    let service = auth(&folder);
    let second = log_in(&service, "globex", "admin@globex.example", DEMO_PASSWORD).json();
    assert_eq!(second["user_id"], first["user_id"]);
}
