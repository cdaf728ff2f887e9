//! The auth service itself, as the gateway asks it.

use olympus_gateway::backends::{Account, Introspection, Kept};
use olympus_gateway::error::Kind;
use olympus_gateway::model::UserId;
use serde_json::json;

use crate::support::double::Double;
use crate::support::folder::Folder;
use crate::support::http::send_json;
use crate::support::process::Process;
use crate::{SOON, auth, introspect, kind, log_in, on_errand, secret};

const DEMO_PASSWORD: &str = "olympus-demo-1";

/// Hashing is made cheap, since debug builds hash slowly.
fn service(folder: &Folder, token: &str) -> Process {
    let (database, token) = (folder.file("auth.db"), folder.write("token", token));
    let arguments =
        ["--database", &database, "--service-token-file", &token, "--seed-demo", "--hash-memory", "64"];
    Process::example("auth", "auth-1", &arguments)
}

#[test]
fn a_login_is_believed_or_refused() {
    let folder = Folder::new("calls");
    let service = service(&folder, "service-token-of-the-tests");
    let auth = auth(&[service.address()], "");
    let account = log_in(&auth, SOON, DEMO_PASSWORD).unwrap().expect("an account");
    assert_eq!((&*account.tenant, &*account.roles[0]), ("acme", "tenant_admin"));
    assert_eq!(log_in(&auth, SOON, "not the password").unwrap(), None);
}

#[test]
fn a_token_is_worth_what_the_service_says() {
    let folder = Folder::new("calls");
    let service = service(&folder, "service-token-of-the-tests");
    let auth = auth(&[service.address()], "");
    let body = json!({ "tenant": "acme", "email": "viewer@acme.example", "password": DEMO_PASSWORD });
    let welcome = send_json("POST", &service.url("/login"), &[], &body).json();
    let found = introspect(&auth, SOON, welcome["token"].as_str().unwrap()).unwrap();
    let Introspection::Active { account, expires } = found else { panic!("{found:?}") };
    assert_eq!(json!(account.user_id), welcome["user_id"]);
    assert!(expires > 1_700_000_000);
    assert_eq!(introspect(&auth, SOON, "unknown").unwrap(), Introspection::Inactive);
}

#[test]
fn accounts_are_kept_and_removed() {
    let folder = Folder::new("calls");
    let service = service(&folder, "service-token-of-the-tests");
    let auth = auth(&[service.address()], "");
    let ada = Account {
        user_id: UserId::new(),
        tenant: "acme".to_owned(),
        email: "ada@acme.example".to_owned(),
        name: "Ada".to_owned(),
        roles: vec!["member".into()],
    };
    let password = secret("long enough");
    let keep = |account: &Account, password| {
        on_errand(SOON, async |errand| auth.keep(&errand, account, password).await)
    };
    assert_eq!(kind(keep(&ada, None)), Kind::Invalid, "a new one needs a password");
    assert_eq!(keep(&ada, Some(&password)).unwrap(), Kept::Created);
    assert_eq!(keep(&ada, None).unwrap(), Kept::Updated);
    let other = Account { user_id: UserId::new(), ..ada.clone() };
    assert_eq!(kind(keep(&other, Some(&password))), Kind::Conflict);
    for _ in 0..2 {
        on_errand(SOON, async |errand| auth.remove(&errand, ada.user_id).await).unwrap();
    }
}

#[test]
fn a_service_token_that_is_not_taken_is_a_fault_of_ours() {
    let folder = Folder::new("calls");
    let service = service(&folder, "another token");
    assert_eq!(kind(introspect(&auth(&[service.address()], ""), SOON, "any")), Kind::Internal);
}

#[test]
fn the_service_is_told_whose_request_it_is_and_who_asks() {
    let double = Double::answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(log_in(&auth(&[double.address()], ""), SOON, "wrong").unwrap(), None);
    let head = double.only_head().to_lowercase();
    for part in [
        "post /login ",
        "x-request-id: call-of-the-tests",
        "x-forwarded-for: 203.0.113.9",
        "traceparent: 00-",
        // By it the service knows that the address is true.
        "authorization: bearer service-token-of-the-tests",
    ] {
        assert!(head.contains(part), "{head}");
    }
}

/// An answer with this body.
pub(crate) fn answering(status: &str, body: &str) -> Double {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    Double::start(move |_, wire| wire.try_send(&text))
}

#[test]
fn what_is_no_answer_is_not_believed() {
    let account = |tenant: &str, roles: &str| {
        format!(
            r#"{{"user_id":"0195f7a0-0000-7000-8000-000000000001","tenant":"{tenant}","email":"a@b","name":"A","roles":{roles}}}"#
        )
    };
    let bodies = [
        "garbage".to_owned(),
        "{}".to_owned(),
        "[1]".to_owned(),
        account("globex", r#"["member"]"#),
        account("acme", "[]"),
        account("acme", r#"[""]"#),
        " ".repeat(100_000) + "1",
    ];
    for body in bodies {
        let double = answering("200 OK", &body);
        let result = log_in(&auth(&[double.address()], ""), SOON, "any");
        assert_eq!(kind(result), Kind::BadGateway, "{body:.80}");
    }
    for body in ["garbage", r#"{"active":true}"#, r#"{"active":"yes"}"#] {
        let double = answering("200 OK", body);
        assert_eq!(kind(introspect(&auth(&[double.address()], ""), SOON, "any")), Kind::BadGateway, "{body}");
    }
    for status in ["200", "302 Found", "404 Not Found", "500 Oh"] {
        let double = answering(status, "");
        assert_eq!(kind(log_in(&auth(&[double.address()], ""), SOON, "any")), Kind::BadGateway, "{status}");
    }
}
