//! Who does not come in: and is not told why.

use serde_json::json;

use crate::stage::{ADMIN, Device, PASSWORD, Stage, code};

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
    assert!(stage.audited().iter().all(|action| action == "login.failed"), "{:?}", stage.audited());
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
