//! What is kept of a request with an `Idempotency-Key`: nothing that a password could be tried against, and yet enough to
//! know the request again while the gateway's keys change.

use olympus_gateway::config::Algorithm;
use olympus_gateway::identity::new_key;
use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send_json};

const ROUTES: &str = r#"
[routes.users]
path = "/api/v1/users"
local = "rest"
auth = "required"
"#;

/// Makes a user under a key, as the tenant's administrator.
fn make(gateway: &Gateway, new: &Value) -> Answer {
    let pair = Device(gateway, "office").log_in(ADMIN);
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k-1")];
    send_json("POST", &gateway.url("/api/v1/users"), &headers, new)
}

#[test]
fn what_is_kept_of_a_password_needs_a_key_and_survives_a_change_of_keys() {
    let stage = Stage::new();
    let new = |password: &str| {
        let (email, roles) = ("ada@acme.example", ["viewer"]);
        json!({ "email": email, "name": "Ada", "roles": roles, "password": password })
    };
    let body = new("password1");
    let made = make(&stage.gateway(ROUTES), &body);
    assert_eq!(made.status, 201, "{}", made.body);
    let guessed = format!(
        "SELECT count(*)::text FROM idempotency_keys WHERE position(
            sha256(convert_to('POST /api/v1/users' || chr(10) || '{body}', 'UTF8')) IN request_hash) > 0"
    );
    assert_eq!(stage.word(&guessed), "0", "who reads the table tries passwords");
    assert_eq!(stage.word("SELECT octet_length(request_hash)::text FROM idempotency_keys"), "36");

    std::fs::write(stage.key("2"), new_key(Algorithm::EdDsa).unwrap()).unwrap();
    let both = stage.gateway(ROUTES);
    let again = make(&both, &body);
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (201, "true", &made.body));
    let other = make(&both, &new("password2"));
    assert_eq!(code(&other), (422, "idempotency_mismatch".to_owned()));

    std::fs::remove_file(stage.key("1")).unwrap();
    let again = make(&stage.gateway(ROUTES), &body);
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"), "it is not done twice");
}
