//! What the API of sessions says: its documents, and what it refuses to read.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Stage, code};
use crate::support::http::send;

#[test]
fn every_fault_of_a_document_is_told_at_once() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let answer = phone.post("login", &json!({ "tenant": 5, "email": "", "mail": "x" }));
    assert_eq!(code(&answer), (422, "validation_failed".to_owned()));
    let document = answer.json();
    let faults: Vec<_> =
        document["errors"].as_array().unwrap().iter().map(|it| (&it["pointer"], &it["code"])).collect();
    let faults: Vec<(&str, &str)> =
        faults.iter().map(|(at, code)| (at.as_str().unwrap(), code.as_str().unwrap())).collect();
    let expected =
        [("/tenant", "wrong_type"), ("/email", "empty"), ("/password", "required"), ("/mail", "unknown")];
    assert_eq!(faults, expected);
    let plain = [("content-type", "text/plain")];
    let plain = send("POST", &gateway.url("/api/v1/auth/login"), &plain, "{}");
    assert_eq!(plain.status, 415);
    assert_eq!(code(&phone.post("login", &json!([]))), (400, "invalid_json".to_owned()));
    assert_eq!(phone.post("login", &json!({ "tenant": "a".repeat(70_000) })).status, 413);
    assert_eq!(phone.call("GET", "login", &[], None).status, 405);
    assert_eq!(phone.call("GET", "nothing", &[], None).status, 404);
}

#[test]
fn callers_are_told_who_they_are_and_what_they_may_and_why() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let pair = phone.log_in("Viewer@acme.example");
    let me = phone.with(&pair["access_token"], "GET", "me").json()["data"].clone();
    assert_eq!(
        (&me["user"]["email"], &me["tenant"]["slug"]),
        (&json!("viewer@acme.example"), &json!("acme"))
    );
    assert_eq!((&me["token"]["session_id"], &me["user"]["roles"]), (&pair["session_id"], &json!(["viewer"])));
    let answer = phone.with(&pair["access_token"], "GET", "permissions").json();
    let entries = answer["data"]["permissions"].as_array().unwrap();
    let about = |name: &str| -> (Value, Value) {
        let entry = entries.iter().find(|entry| entry["permission"] == name).unwrap();
        (entry["reach"].clone(), entry["because"].clone())
    };
    let viewer = json!("allowed: role `viewer` says so");
    assert_eq!(about("products:read"), (json!("all"), viewer.clone()));
    assert_eq!(about("orders:read"), (json!("own"), viewer.clone()));
    assert_eq!(about("commerce:read"), (json!("all"), viewer));
    assert_eq!(about("tenants:create").0, json!("none"));
    for path in ["me", "permissions", "sessions"] {
        assert_eq!(code(&phone.call("GET", path, &[], None)), (401, "token_missing".to_owned()));
    }
    assert_eq!(code(&Device(&gateway, "x").refresh(&json!({}))).0, 422);
    assert_eq!(phone.try_log_in("acme", ADMIN, "x").status, 401);
}
