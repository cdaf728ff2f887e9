//! Tokens of browsers in cookies: kept from scripts, sent by pages of this origin only.

use serde_json::json;

use crate::stage::{ADMIN, Device, PASSWORD, Stage, code};
use crate::support::http::Answer;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

/// What a browser would send back.
fn kept(answer: &Answer) -> String {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let pair = |line: &str| line.split(';').next().unwrap().to_owned();
    lines.map(pair).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_browser_logs_in_calls_refreshes_and_logs_out_by_cookies() {
    let stage = Stage::new();
    let gateway = stage.gateway("[auth.cookie]\nsame_site = \"strict\"");
    let page = Device(&gateway, "browser");
    let login = json!({ "tenant": "acme", "email": ADMIN, "password": PASSWORD, "cookie": true });
    let foreign = page.call("POST", "login", &[CROSS], Some(&login));
    assert_eq!(code(&foreign), (403, "cross_site".to_owned()));
    let answer = page.call("POST", "login", &[SAME], Some(&login));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        !answer.body.contains("access_token") && !answer.body.contains("refresh_token"),
        "{}",
        answer.body
    );
    let lines: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert!(line.starts_with("__Host-olympus_"), "{line}");
        assert!(
            line.ends_with("; Secure; HttpOnly; SameSite=Strict") && line.contains("; Path=/; "),
            "{line}"
        );
    }
    let cookies = kept(&answer);
    let call =
        |method, path, site, cookies: &str| page.call(method, path, &[site, ("cookie", cookies)], None);
    assert_eq!(call("GET", "me", CROSS, &cookies).status, 200, "a link from elsewhere changes nothing");
    assert_eq!(call("DELETE", "sessions", CROSS, &cookies).status, 401, "but it ends no session");
    assert_eq!(code(&call("POST", "refresh", CROSS, &cookies)), (403, "cross_site".to_owned()));
    let renewed = call("POST", "refresh", SAME, &cookies);
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    let cookies = kept(&renewed);
    assert_eq!(call("DELETE", "sessions", SAME, &cookies).status, 200);
    let gone = call("POST", "logout", SAME, &cookies);
    assert_eq!(gone.status, 204);
    assert_eq!(kept(&gone), "__Host-olympus_access=; __Host-olympus_refresh=");
    assert_eq!(call("GET", "me", SAME, &cookies).status, 401);
    let again = page.call("POST", "login", &[SAME, ("cookie", &cookies)], Some(&login));
    assert_eq!(again.status, 200, "cookies that are good no longer do not stand in the way");
}

#[test]
fn without_the_option_cookies_are_not_looked_at() {
    let stage = Stage::new();
    let gateway = stage.gateway("");
    let page = Device(&gateway, "browser");
    let login = json!({ "tenant": "acme", "email": ADMIN, "password": PASSWORD, "cookie": true });
    assert_eq!(code(&page.call("POST", "login", &[SAME], Some(&login))), (400, "cookies_off".to_owned()));
    let pair = page.log_in(ADMIN);
    let cookie = format!("__Host-olympus_access={}", pair["access_token"].as_str().unwrap());
    assert_eq!(page.call("GET", "me", &[SAME, ("cookie", &cookie)], None).status, 401);
}
