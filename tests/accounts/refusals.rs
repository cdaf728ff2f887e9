//! Who does not come in: and is not told why.

use serde_json::json;

use crate::stage::{ADMIN, Device, PASSWORD, Stage, code};
use crate::support::wait::until;

#[test]
fn a_refused_login_does_not_say_which_part_was_wrong() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    stage.sql("UPDATE users SET status = 'suspended' WHERE email = 'viewer@acme.example'");
    stage.sql("UPDATE users SET deleted_at = now() WHERE email = 'member@acme.example'");
    stage.sql("UPDATE users SET email = 'other@acme.example' WHERE email = 'manager@acme.example'");
    stage.sql("UPDATE tenants SET status = 'suspended' WHERE slug = 'globex'");
    for (tenant, email, password) in [
        ("acme", ADMIN, "wrong"),
        ("acme", "nobody@acme.example", PASSWORD),
        ("nowhere", ADMIN, PASSWORD),
        ("globex", "admin@globex.example", PASSWORD),
        ("acme", "viewer@acme.example", PASSWORD),
        ("acme", "member@acme.example", PASSWORD),
        ("acme", "manager@acme.example", PASSWORD),
    ] {
        let answer = phone.try_log_in(tenant, email, password);
        let document = answer.json();
        assert_eq!(code(&answer), (401, "login_failed".to_owned()), "{email}");
        assert_eq!(document["detail"], "the tenant, the address or the password is wrong");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"olympus\"");
    }
    // In the order of the log: of all but the tenant that is not there.
    until("they are recorded", || (stage.audited() == ["login.failed"; 6]).then_some(()));
}

#[test]
fn who_may_come_in_no_longer_cannot_refresh() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let mut pair = phone.log_in(ADMIN);
    for (end, again) in [
        ("UPDATE tenants SET status = 'suspended'", "UPDATE tenants SET status = 'active'"),
        ("UPDATE users SET status = 'suspended'", "UPDATE users SET status = 'active'"),
        ("UPDATE users SET deleted_at = now()", "UPDATE users SET deleted_at = NULL"),
    ] {
        stage.sql(end);
        assert_eq!(code(&phone.refresh(&pair)), (401, "refresh_failed".to_owned()), "{end}");
        stage.sql(again);
        let answer = phone.refresh(&pair);
        assert_eq!(answer.status, 200, "{again}: {}", answer.body);
        pair = answer.json()["data"].clone();
    }
}

#[test]
fn attempts_are_counted_by_account_and_by_address_on_all_instances() {
    let stage = Stage::new();
    let limits =
        "[auth.attempts]\nlogin_account = \"3/h\"\nlogin_address = \"5/h\"\nrefresh_account = \"1/h\"";
    let (one, other) = (stage.gateway(limits), stage.gateway(limits));
    let try_at = |gateway, email| Device(gateway, "phone").try_log_in("acme", email, "wrong");
    let refused = |gateway, email| {
        let answer = try_at(gateway, email);
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((600..=3600).contains(&seconds), "{seconds}");
        code(&answer)
    };
    let too_many = (429, "too_many_attempts".to_owned());
    for gateway in [&one, &other, &one] {
        assert_eq!(try_at(gateway, ADMIN).status, 401);
    }
    assert_eq!(refused(&other, ADMIN), too_many, "whatever the password");
    assert_eq!(refused(&one, "ADMIN@acme.example"), too_many, "and however it is written");
    let phone = Device(&one, "phone");
    let pair = phone.log_in("member@acme.example");
    assert_eq!(try_at(&other, "viewer@acme.example").status, 401);
    assert_eq!(refused(&other, "viewer@acme.example"), too_many, "the address has tried too often");
    let next = phone.refresh(&pair).json()["data"].clone();
    assert_eq!(code(&phone.refresh(&next)), too_many);
}

#[test]
fn whoever_tries_from_one_address_holds_up_no_other() {
    let stage = Stage::new();
    let limits = "[auth.attempts]\nlogin_account = \"2/h\"\nlogin_account_total = \"4/h\"";
    let gateway = stage.gateway_behind("127.0.0.0/8", limits);
    let try_from = |address, password| {
        let document = json!({ "tenant": "acme", "email": ADMIN, "password": password });
        let from = [("x-forwarded-for", address)];
        code(&Device(&gateway, "phone").call("POST", "login", &from, Some(&document)))
    };
    let too_many = (429, "too_many_attempts".to_owned());
    for expected in [401, 401, 429] {
        assert_eq!(try_from("192.0.2.1", "wrong").0, expected);
    }
    assert_eq!(try_from("192.0.2.2", PASSWORD).0, 200, "its owner comes in from elsewhere");
    assert_eq!(try_from("192.0.2.3", "wrong").0, 401);
    assert_eq!(try_from("192.0.2.4", PASSWORD), too_many, "all together have tried too often");
}

#[test]
fn a_token_that_is_not_good_holds_nobody_up_who_needs_none() {
    let stage = Stage::new();
    let gateway = stage.gateway("access_ttl = \"1s\"\nleeway = \"0s\"");
    let phone = Device(&gateway, "phone");
    let pair = phone.log_in(ADMIN);
    let old = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let call = |method, path, bearer: &str, document: Option<&serde_json::Value>| {
        phone.call(method, path, &[("authorization", bearer)], document)
    };
    until("the access token expires", || (call("GET", "me", &old, None).status == 401).then_some(()));
    let refused = call("GET", "me", &old, None);
    assert_eq!(code(&refused), (401, "token_expired".to_owned()));
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
    assert_eq!(code(&call("GET", "sessions", "Bearer x", None)), (401, "token_invalid".to_owned()));
    let again = json!({ "refresh_token": pair["refresh_token"] });
    let refreshed = call("POST", "refresh", &old, Some(&again));
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let login = json!({ "tenant": "acme", "email": ADMIN, "password": PASSWORD });
    assert_eq!(call("POST", "login", "Bearer x", Some(&login)).status, 200);
    assert_eq!(code(&call("POST", "logout", &old, None)), (401, "token_expired".to_owned()));
    let last = json!({ "refresh_token": refreshed.json()["data"]["refresh_token"] });
    assert_eq!(call("POST", "logout", "Bearer x", Some(&last)).status, 204);
    let twice = [("authorization", old.as_str()), ("authorization", old.as_str())];
    assert_eq!(phone.call("POST", "login", &twice, Some(&login)).status, 400);
}

#[test]
fn what_could_not_be_served_is_found_in_the_log_by_the_requests_id() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let pair = phone.log_in(ADMIN);
    stage.sql("ALTER TABLE sessions RENAME TO hidden");
    let failed = phone.with(&pair["access_token"], "GET", "sessions");
    stage.sql("ALTER TABLE hidden RENAME TO sessions");
    assert_eq!(code(&failed), (500, "internal_error".to_owned()));
    let id = format!("\"request_id\":\"{}\"", failed.header("x-request-id"));
    let line = gateway.messages.find(&id, |line| line.contains(&id));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["level"], &line["message"]),
        (&json!("ERROR"), &json!("a request could not be served"))
    );
    assert_eq!(line["trace_id"], gateway.line_for(&failed)["trace_id"]);
    assert!(line["error"].as_str().unwrap().contains("sessions"), "{line}");
}

#[test]
fn a_token_is_validated_for_those_who_may_ask() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let (platform, admin) = (phone.log_in("platform@acme.example"), phone.log_in(ADMIN));
    let validate = |caller: &serde_json::Value, token: &serde_json::Value| {
        let bearer = format!("Bearer {}", caller["access_token"].as_str().unwrap());
        let document = json!({ "token": token });
        phone.call("POST", "validate", &[("authorization", &bearer)], Some(&document))
    };
    let good = validate(&platform, &admin["access_token"]).json();
    assert_eq!((&good["active"], &good["roles"]), (&json!(true), &json!(["tenant_admin"])));
    assert_eq!((&good["sid"], &good["token_type"]), (&admin["session_id"], &json!("Bearer")));
    assert_eq!(validate(&admin, &platform["access_token"]).status, 403);
    assert_eq!(phone.post("validate", &json!({ "token": "x" })).status, 401);
    phone.with(&admin["access_token"], "POST", "logout");
    for bad in [&admin["access_token"], &json!("x"), &json!("a\nb"), &admin["refresh_token"]] {
        assert_eq!(validate(&platform, bad).json(), json!({ "active": false }), "{bad}");
    }
}
