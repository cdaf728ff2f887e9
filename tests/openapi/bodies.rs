//! What the document says of request bodies, held against what a running gateway takes.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::document::{document, operations};
use crate::stage::Stage;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send_json};

const MORE: &str = r#"
[routes.api]
path = ["/api/v1/tenants", "/api/v1/tenants/{*rest}", "/api/v1/users", "/api/v1/users/{*rest}",
        "/api/v1/products", "/api/v1/products/{*rest}", "/api/v1/orders", "/api/v1/orders/{*rest}"]
local = "rest"
auth = "required"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:9" }]
[backends.commerce]
upstream = "commerce"
"#;

/// A caller who may do whatever can be done.
fn token(stage: &Stage, gateway: &Gateway) -> String {
    let tenant: String = stage.runtime.block_on(async {
        let client = stage.database.connect("postgres").await;
        client.query_one("SELECT id::text FROM tenants WHERE slug = 'acme'", &[]).await.unwrap().get(0)
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_olympus"));
    command.args(["token", "-c", &gateway.config_file(), "--tenant", &tenant]);
    command.args(["--subject", "root", "--role", "platform_admin", "--role", "tenant_admin"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The schema of the JSON that an operation takes.
fn schema<'d>(document: &'d Value, operation: &'d Value) -> Option<&'d Value> {
    let schema = operation["requestBody"]["content"]["application/json"].get("schema")?;
    let Some(place) = schema.get("$ref") else { return Some(schema) };
    document.pointer(place.as_str().unwrap().strip_prefix('#').unwrap())
}

/// The members that an answer finds fault with in this way.
fn blamed(answer: &Answer, code: &str) -> BTreeSet<String> {
    assert_eq!(answer.status, 422, "{}", answer.body);
    let document = answer.json();
    let faults = document["errors"].as_array().unwrap().iter().filter(|fault| fault["code"] == code);
    faults.map(|fault| fault["pointer"].as_str().unwrap().trim_start_matches('/').to_owned()).collect()
}

/// What came back is not looked at.
fn is_taken((_, schema): &(&String, &Value)) -> bool {
    schema["readOnly"] != json!(true)
}

#[test]
fn bodies_are_taken_as_they_are_described() {
    let stage = Stage::new();
    let gateway = stage.gateway(MORE);
    let bearer = format!("Bearer {}", token(&stage, &gateway));
    let document = document();
    let mut tried = 0;
    for (method, path, operation) in operations(&document) {
        let Some(schema) = schema(&document, operation) else { continue };
        let url = gateway.url(&path.replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057"));
        let call = |body: &Value| {
            let headers = [("authorization", bearer.as_str()), ("if-match", "*")];
            send_json(&method, &url, &headers, body)
        };
        let described: BTreeSet<String> = schema["properties"]
            .as_object()
            .unwrap()
            .iter()
            .filter(is_taken)
            .map(|it| it.0.clone())
            .collect();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let required: BTreeSet<String> =
            required.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        if !required.is_empty() {
            assert_eq!(blamed(&call(&json!({})), "required"), required, "{method} {path}");
        }
        // What no member may be: a list of objects.
        let mut wrong: Map<String, Value> =
            described.iter().map(|name| (name.clone(), json!([{}]))).collect();
        wrong.insert("nobody_knows".to_owned(), json!(1));
        let answer = call(&Value::Object(wrong));
        assert_eq!(
            blamed(&answer, "unknown"),
            BTreeSet::from(["nobody_knows".to_owned()]),
            "{method} {path}"
        );
        let faulty = answer.json()["errors"].as_array().unwrap().len();
        assert!(faulty > described.len(), "{method} {path}: {}", answer.body);
        assert_eq!(schema["additionalProperties"], json!(false), "{method} {path}");
        tried += 1;
    }
    assert!(tried >= 6, "{tried} operations take JSON");
}
