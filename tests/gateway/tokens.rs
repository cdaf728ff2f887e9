//! Who calls, through sockets: keys made by the program, tokens made by it, and keys that change while it runs.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::{get, send};
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

const TENANT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const KEYS_ROUTE: &str =
    "[routes.keys]\npath = \"/.well-known/jwks.json\"\nlocal = \"keys\"\nauth = \"none\"\n";

/// What the program prints.
fn olympus(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_olympus")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn token(gateway: &Gateway) -> String {
    let file = gateway.config_file();
    olympus(&["token", "-c", &file, "--tenant", TENANT, "--subject", "ada", "--role", "member"])
}

fn key_ids(gateway: &Gateway) -> Vec<Value> {
    let answer = get(&gateway.url("/.well-known/jwks.json"));
    assert_eq!(answer.status, 200);
    assert!(
        answer.header("cache-control").starts_with("public, max-age="),
        "{}",
        answer.header("cache-control")
    );
    answer.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

#[test]
fn a_token_opens_what_asks_for_one_and_keys_change_while_it_runs() {
    let (shop, folder) = (commerce("shop"), Folder::new("keys"));
    let keys = folder.file("keys");
    olympus(&["token", "--new-key", &keys]);
    let config = app(&[endpoint(shop.address())], "", "auth = \"required\"");
    let gateway = Gateway::start(&format!("{config}\n[auth]\nkeys_dir = {keys:?}\n{KEYS_ROUTE}"));
    let call = |token: &str| {
        let bearer = format!("Bearer {token}");
        send("GET", &gateway.url("/api/headers"), &[("authorization", bearer.as_str())], "")
    };
    let refused = get(&gateway.url("/api/headers"));
    assert_eq!((refused.status, refused.json()["code"].clone()), (401, json!("token_missing")));
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"olympus\"");
    assert_eq!(gateway.line_for(&refused)["flag"], "AUTHN");
    let first = token(&gateway);
    let answer = call(&first);
    assert_eq!(answer.status, 200);
    let seen = &answer.json()["headers"];
    assert_eq!((&seen["x-user-id"], &seen["x-tenant-id"]), (&json!(["ada"]), &json!([TENANT])));
    assert_eq!(seen["x-roles"], json!(["member"]));
    let line = gateway.line_for(&answer);
    assert_eq!((&line["tenant"], &line["user"]), (&json!(TENANT), &json!("ada")));
    assert_eq!(call(&first[..first.len() - 2]).json()["code"], "token_invalid");

    let arguments =
        ["explain", "--json", "-c", &gateway.config_file(), "GET", "/api/headers", "--token", &first];
    let told: Value = serde_json::from_str(&olympus(&arguments)).unwrap();
    assert_eq!((&told["caller"]["user"], &told["caller"]["roles"]), (&json!("ada"), &json!(["member"])));

    assert_eq!(key_ids(&gateway).len(), 1);
    olympus(&["token", "--new-key", &keys, "--es256"]);
    until("the new key is published", || (key_ids(&gateway).len() == 2).then_some(()));
    for token in [&first, &token(&gateway)] {
        assert_eq!(call(token).status, 200);
    }
    assert!(
        get(&gateway.metrics_url("/metrics")).body.contains("olympus_tokens_checked_total{result=\"valid\"}")
    );
}
