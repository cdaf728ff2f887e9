//! Several sessions of one user: seen, and ended one by one, all others, or from where they are.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Stage, code};
use crate::support::wait::until;

fn agents(device: Device<'_>, pair: &Value) -> Vec<String> {
    let answer = device.with(&pair["access_token"], "GET", "sessions");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let sessions = answer.json()["data"].as_array().unwrap().clone();
    let current: Vec<_> = sessions.iter().filter(|it| it["current"] == json!(true)).collect();
    assert_eq!((current.len(), &current[0]["id"]), (1, &pair["session_id"]));
    assert_eq!(current[0]["address"], "127.0.0.1");
    sessions.iter().map(|it| it["agent"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_user_sees_every_device_and_ends_one_which_leaves_the_others() {
    let stage = Stage::new();
    let (one, two) = (stage.gateway(""), stage.gateway(""));
    let (phone, laptop, tablet) = (Device(&one, "phone"), Device(&two, "laptop"), Device(&one, "tablet"));
    let [first, second, third] = [phone, laptop, tablet].map(|device| device.log_in(ADMIN));
    assert_eq!(agents(phone, &first), ["tablet", "laptop", "phone"]);
    let path = format!("sessions/{}", second["session_id"].as_str().unwrap());
    assert_eq!(phone.with(&first["access_token"], "DELETE", &path).status, 204);
    assert_eq!(code(&phone.with(&first["access_token"], "DELETE", &path)).0, 404, "it has ended already");
    until("its tokens are refused", || (laptop.status(&second) == 401).then_some(()));
    assert_eq!(laptop.refresh(&second).status, 401);
    assert_eq!(agents(phone, &first), ["tablet", "phone"]);

    let ended = phone.with(&first["access_token"], "DELETE", "sessions");
    assert_eq!(ended.json()["data"], json!({ "ended": 1 }));
    assert_eq!((tablet.status(&third), phone.status(&first)), (401, 200));
    assert_eq!(agents(phone, &first), ["phone"]);
}

/// Writes down each statement that adds to these tables.
const COUNTING: &str = "
    CREATE TABLE added (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN INSERT INTO public.added VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
    CREATE TRIGGER noting AFTER INSERT ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION note();
    CREATE TRIGGER noting AFTER INSERT ON revocations FOR EACH STATEMENT EXECUTE FUNCTION note()";

#[test]
fn however_many_sessions_end_at_once_they_are_written_down_by_one_statement() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let [first, second, third, fourth] = [(); 4].map(|()| phone.log_in(ADMIN));
    stage.sql(COUNTING);
    let end = || phone.with(&first["access_token"], "DELETE", "sessions").json()["data"]["ended"].clone();
    assert_eq!((end(), end()), (json!(3), json!(0)));
    let added = stage.word("SELECT string_agg(what, ' ' ORDER BY what) FROM added");
    assert_eq!(added, "audit_log revocations");
    assert_eq!([&first, &second, &third, &fourth].map(|pair| phone.status(pair)), [200, 401, 401, 401]);
    let ended = stage.word(
        "SELECT string_agg(DISTINCT actor, ' ') FROM audit_log JOIN sessions ON subject = 'session/' || sessions.id
         JOIN users ON users.id::text = actor WHERE action = 'session.ended' AND email = 'admin@acme.example'
         HAVING count(*) = 3",
    );
    assert!(!ended.is_empty(), "each has an entry");
}

#[test]
fn a_logout_ends_the_session_by_either_token() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let (first, second) = (phone.log_in(ADMIN), phone.log_in(ADMIN));
    assert_eq!(phone.with(&first["access_token"], "POST", "logout").status, 204);
    assert_eq!((phone.status(&first), phone.refresh(&first).status), (401, 401));
    let by_refresh = phone.post("logout", &json!({ "refresh_token": second["refresh_token"] }));
    assert_eq!((by_refresh.status, phone.status(&second)), (204, 401));
    let unknown = phone.post("logout", &json!({ "refresh_token": "olr_unknown" }));
    assert_eq!(unknown.status, 204, "what is not good ends nothing");
    assert_eq!(code(&phone.post("logout", &json!({}))), (401, "token_missing".to_owned()));
}

#[test]
fn nobody_ends_or_sees_sessions_of_others_but_an_administrator() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let phone = Device(&gateway, "phone");
    let (admin, viewer) = (phone.log_in(ADMIN), phone.log_in("viewer@acme.example"));
    let stranger = phone.try_log_in("globex", "admin@globex.example", crate::stage::PASSWORD);
    let stranger = stranger.json()["data"].clone();
    let end = |caller: &Value, of: &Value| {
        let path = format!("sessions/{}", of["session_id"].as_str().unwrap());
        phone.with(&caller["access_token"], "DELETE", &path).status
    };
    assert_eq!(agents(phone, &viewer), ["phone"]);
    assert_eq!((end(&viewer, &admin), end(&stranger, &admin), end(&stranger, &viewer)), (404, 404, 404));
    assert_eq!(end(&admin, &viewer), 204);
    assert_eq!((phone.status(&viewer), phone.status(&admin), phone.status(&stranger)), (401, 200, 200));
}
