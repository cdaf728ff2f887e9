//! Configurations that change while requests are served, and operators who set an endpoint aside.

use std::sync::mpsc;

use serde_json::{Value, json};

use crate::support::double::Double;
use crate::support::gateway::{ADMIN_TOKEN, Gateway};
use crate::support::http::send;
use crate::support::wait::until;
use crate::{app, before, commerce, endpoint};

/// No reload but those that are asked for.
const BY_HAND: &str = "\n[server]\nreload_on_change = false\n";

/// `app` and another route to the same pool.
fn with_shop(backend: std::net::SocketAddr, upstream: &str) -> String {
    let shop = "[routes.shop]\npath = \"/shop/{*rest}\"\nupstream = \"app\"\nstrip_prefix = \"/shop\"\n";
    format!("{}{shop}", app(&[endpoint(backend)], upstream, ""))
}

fn pool(gateway: &Gateway) -> Value {
    gateway.ask_admin("/upstreams").json()["app"].take()
}

#[test]
fn a_changed_file_is_taken_up_by_itself() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    assert_eq!(gateway.get("/api/products").status, 200);
    assert_eq!(gateway.get("/shop/products").status, 404);
    gateway.write_config(&with_shop(shop.address(), ""));
    until("the new route is served", || (gateway.get("/shop/products").status == 200).then_some(()));
    let last = gateway.ask_admin("/reload").json();
    assert_eq!((&last["result"], &last["trigger"]), (&json!("reloaded"), &json!("file")));
    assert_eq!(last["changes"], json!([{ "key": "routes.shop", "effect": "live", "to": "a table" }]));
    assert_ne!(
        pool(&gateway)["endpoints"][0]["answered"],
        0,
        "the pool has not changed: it knows what it knew"
    );
}

#[test]
fn a_changed_policy_is_taken_up_by_itself_and_a_broken_one_refused() {
    let gateway = Gateway::start("");
    let file = gateway.config_file();
    let policy = file.replace("gateway.toml", "policy.toml");
    let write = |allowed: &str| {
        std::fs::write(&policy, format!("[roles.clerk]\nallow = [\"{allowed}\"]\n")).unwrap();
    };
    let last_names = |what: &str| {
        until(what, || gateway.ask_admin("/reload").body.contains(what).then_some(()));
    };
    write("orders:read");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("policy = \"policy.toml\"\n{whole}")).unwrap();
    last_names("policy.roles.clerk");
    write("orders:*");
    last_names("policy.roles.clerk.allow");
    write("orders:sink");
    last_names("policy.toml:2:10");
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let shop = commerce("shop");
    let gateway = Gateway::start(&format!("{}{BY_HAND}", app(&[endpoint(shop.address())], "", "")));
    gateway.write_config(&format!("{}{BY_HAND}", with_shop(shop.address(), "")));
    gateway.signal("HUP");
    until("the new route is served", || (gateway.get("/shop/products").status == 200).then_some(()));
    assert_eq!(gateway.ask_admin("/reload").json()["trigger"], "signal");
}

#[test]
fn a_hangup_while_it_starts_is_kept_until_it_can_be_obeyed() {
    for _ in 0..5 {
        let gateway = Gateway::signalled_early(BY_HAND, ("HUP", 1));
        until("the configuration is read again", || {
            let last = gateway.ask_admin("/reload");
            (last.status == 200 && last.json()["trigger"] == "signal").then_some(())
        });
    }
}

#[test]
fn what_is_gone_is_told_of_no_more() {
    let (shop, other) = (commerce("shop"), commerce("other"));
    let gone = format!(
        "[upstreams.gone]\nendpoints = [{}]\n[routes.gone]\npath = \"/gone/{{*rest}}\"\nupstream = \"gone\"\nstrip_prefix = \"/gone\"\n",
        endpoint(other.address())
    );
    let both = app(&[endpoint(shop.address()), endpoint(other.address())], "balance = \"wrr\"", "");
    let gateway = Gateway::start(&format!("{both}{gone}{BY_HAND}"));
    for path in ["/gone/products", "/api/products", "/api/products"] {
        assert_eq!(gateway.get(path).status, 200);
    }
    let told = || send("GET", &gateway.metrics_url("/metrics"), &[], "").body;
    let mentions = |word: &str| told().lines().filter(|line| line.contains(word)).count();
    let other = format!("server_address=\"{}\"", other.address());
    until("the requests are counted", || (mentions(&other) > 20).then_some(()));
    gateway.write_config(&format!("{}{BY_HAND}", app(&[endpoint(shop.address())], "balance = \"wrr\"", "")));
    assert_eq!(gateway.tell_admin("POST", "/reload", "").status, 200);
    assert_eq!((mentions(&other), mentions("olympus_upstream=\"gone\"")), (0, 0), "{}", told());
    assert!(mentions(&format!("server_address=\"{}\"", shop.address())) > 20);
}

#[test]
fn a_broken_file_changes_nothing_and_says_where() {
    let shop = commerce("shop");
    let whole = format!("{}{BY_HAND}", app(&[endpoint(shop.address())], "", ""));
    let gateway = Gateway::start(&whole);
    gateway.write_config(&whole.replace("upstream = \"app\"", "upstream = \"ap\"\nstrip_prefx = \"/\""));
    let refused = gateway.tell_admin("POST", "/reload", "");
    assert_eq!((refused.status, refused.header("content-type")), (400, "application/problem+json"));
    let document = refused.json();
    assert_eq!(document["code"], "invalid_configuration");
    let faults = document["errors"].as_array().unwrap();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/routes/app/upstream", "/routes/app/strip_prefx"]);
    assert!(faults[0]["message"].as_str().unwrap().contains("gateway.toml:"), "{document}");
    assert_eq!(gateway.get("/api/products").status, 200);
    assert_eq!(gateway.metric("olympus_config_last_reload_success", &[]), 0.0);
    assert_eq!(gateway.ask_admin("/reload").json()["result"], "refused");
    let refused = |line: &str| line.contains("\"audit\":true") && line.contains("\"outcome\":\"refused\"");
    gateway.messages.find("the audit line", refused);

    gateway.write_config(&whole);
    let mended = gateway.tell_admin("POST", "/reload", "");
    assert_eq!((mended.status, &mended.json()["result"]), (200, &json!("unchanged")));
    assert_eq!(gateway.metric("olympus_config_last_reload_success", &[]), 1.0);
    assert_eq!(gateway.metric("olympus_config_reloads_total", &["failure"]), 1.0);
}

#[test]
fn a_file_that_is_mended_by_taking_it_back_is_news() {
    let shop = commerce("shop");
    let whole = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&whole);
    let result = || gateway.ask_admin("/reload").json()["result"].take();
    gateway.write_config("[nonsense]\n");
    until("the mistake is found", || (result() == "refused").then_some(()));
    gateway.write_config(&whole);
    until("nothing differs from what is in force", || (result() == "unchanged").then_some(()));
    assert_eq!(gateway.metric("olympus_config_last_reload_success", &[]), 1.0);
}

#[test]
fn a_file_that_was_missing_is_waited_for() {
    let shop = commerce("shop");
    let whole = app(&[endpoint(shop.address())], "", "");
    let gateway = Gateway::start(&whole);
    gateway.write_including("[\"more.toml\"]", &whole);
    let result = || gateway.ask_admin("/reload").json()["result"].take();
    until("it is missed", || (result() == "refused").then_some(()));
    let route = "[routes.shop]\npath = \"/shop/{*rest}\"\nupstream = \"app\"\nauth = \"none\"\n";
    gateway.write_beside("more.toml", route);
    until("it is read", || (result() == "reloaded").then_some(()));
}

#[test]
fn an_override_waits_for_its_endpoint_to_come_back() {
    let (one, other) = (commerce("one"), commerce("other"));
    let both = format!("{}{BY_HAND}", app(&[endpoint(one.address()), endpoint(other.address())], "", ""));
    let alone = format!("{}{BY_HAND}", app(&[endpoint(one.address())], "", ""));
    let gateway = Gateway::start(&both);
    let path = format!("/upstreams/app/endpoints/{}", other.address());
    assert_eq!(gateway.tell_admin("PUT", &path, r#"{"weight": 7}"#).status, 200);
    for (config, endpoints) in [(&alone, 1), (&both, 2)] {
        gateway.write_config(config);
        assert_eq!(gateway.tell_admin("POST", "/reload", "").status, 200);
        assert_eq!(pool(&gateway)["endpoints"].as_array().unwrap().len(), endpoints);
    }
    assert_eq!(pool(&gateway)["endpoints"][1]["weight"], 7);
    assert_eq!(gateway.tell_admin("DELETE", &path, "").status, 204);
    assert_eq!(pool(&gateway)["endpoints"][1]["weight"], 1);
}

#[test]
fn what_needs_a_restart_is_listed_until_there_is_one() {
    let whole = "[server]\nthreads = 1\nreload_on_change = false\n";
    let gateway = Gateway::start(whole);
    gateway.write_config(&whole.replace("threads = 1", "threads = 2"));
    let reloaded = gateway.tell_admin("POST", "/reload", "").json();
    let waiting = json!([{ "key": "server.threads", "effect": "restart", "from": "1", "to": "2" }]);
    assert_eq!((&reloaded["changes"], &reloaded["pending"]), (&waiting, &waiting));
    assert_eq!(gateway.metric("olympus_config_restart_pending", &[]), 1.0);
    gateway.write_config(whole);
    assert_eq!(gateway.tell_admin("POST", "/reload", "").json()["pending"], json!([]));
    assert_eq!(gateway.metric("olympus_config_restart_pending", &[]), 0.0);
}

#[test]
fn what_is_under_way_ends_as_it_began() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let slow = Double::start(move |_, wire| {
        wait.lock().unwrap().recv().ok();
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
    });
    let gateway = Gateway::start(&format!("{}{BY_HAND}", app(&[endpoint(slow.address())], "", "")));
    let mut client = gateway.wire();
    client.ask("GET", "/api/x", &[]);
    until("the backend works on it", || (pool(&gateway)["endpoints"][0]["in_flight"] == 1).then_some(()));
    // The pool is built anew, then removed: neither touches the request.
    let other = format!("{}{BY_HAND}", app(&[endpoint(slow.address())], "slow_start = \"3s\"", ""));
    gateway.write_config(&other);
    assert_eq!(gateway.tell_admin("POST", "/reload", "").json()["changes"][0]["effect"], "rebuild");
    assert_eq!(pool(&gateway)["endpoints"][0]["in_flight"], 1);
    gateway.write_config(BY_HAND);
    assert_eq!(gateway.tell_admin("POST", "/reload", "").status, 200);
    assert_eq!(gateway.get("/api/x").status, 404);
    go.send(()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
}

#[test]
fn a_drained_endpoint_gets_nothing_until_it_is_given_back() {
    let (one, other) = (commerce("one"), commerce("other"));
    let whole = format!("{}{BY_HAND}", app(&[endpoint(one.address()), endpoint(other.address())], "", ""));
    let gateway = Gateway::start(&whole);
    let path = format!("/upstreams/app/endpoints/{}", other.address());
    let set = gateway.tell_admin("PUT", &path, r#"{"drain": true, "note": "ada: new disk"}"#);
    assert_eq!((set.status, &set.json()["weight"]), (200, &json!(0)), "{}", set.body);
    assert_eq!(pool(&gateway)["endpoints"][1]["state"], "drained");
    let answered = || pool(&gateway)["endpoints"][1]["answered"].as_u64().unwrap();
    let before = answered();
    let send_some = || (0..20).for_each(|_| assert_eq!(gateway.get("/api/products").status, 200));
    send_some();
    // It survives a reload, even one that changes the pool.
    gateway.write_config(&whole.replace("strip_prefix", "max_body = \"2mb\"\nstrip_prefix"));
    assert_eq!(gateway.tell_admin("POST", "/reload", "").status, 200);
    send_some();
    assert_eq!(answered(), before);
    let listed = gateway.ask_admin("/overrides").json();
    assert_eq!(
        (&listed[0]["endpoint"], &listed[0]["note"]),
        (&json!(other.address().to_string()), &json!("ada: new disk"))
    );
    assert_eq!(gateway.tell_admin("DELETE", &path, "").status, 204);
    assert_eq!(gateway.tell_admin("DELETE", &path, "").status, 404);
    gateway.messages.find("the last audit line", |line| line.contains("there is no override"));
    let lines = gateway.messages.now();
    let audited = lines.iter().filter(|line| line.contains("\"audit\":true"));
    let told: Vec<Value> = audited
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|it| json!([it["change"], it["note"], it["outcome"]]))
        .collect();
    let expected = [
        json!(["set weight 0", "ada: new disk", "done"]),
        json!(["reload", "", "done"]),
        json!(["clear override", "", "done"]),
        json!(["clear override", "", "refused"]),
    ];
    assert_eq!(told, expected);
    until("it gets requests again", || {
        gateway.get("/api/products");
        (answered() > before).then_some(())
    });
}

#[test]
fn an_override_ends_by_itself() {
    let (one, other) = (commerce("one"), commerce("other"));
    let gateway = Gateway::start(&app(&[endpoint(one.address()), endpoint(other.address())], "", ""));
    let path = format!("/upstreams/app/endpoints/{}", one.address());
    let set = gateway.tell_admin("PUT", &path, r#"{"weight": 7, "expires_in": "300ms"}"#);
    assert_eq!((set.status, set.json()["until"].is_string()), (200, true), "{}", set.body);
    assert_eq!(pool(&gateway)["endpoints"][0]["weight"], 7);
    until("it expires", || (pool(&gateway)["endpoints"][0]["weight"] == 1).then_some(()));
    assert_eq!(gateway.ask_admin("/overrides").json(), json!([]));
}

#[test]
fn what_cannot_be_done_to_an_endpoint_is_said() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let path = format!("/upstreams/app/endpoints/{}", shop.address());
    for (path, document, status, words) in [
        ("/upstreams/nobody/endpoints/127.0.0.1:1", r#"{"drain": true}"#, 404, "there are app"),
        ("/upstreams/app/endpoints/127.0.0.1:1", r#"{"drain": true}"#, 404, "it has 127.0.0.1"),
        ("/upstreams/app/endpoints/shop", r#"{"drain": true}"#, 400, "endpoint: a literal IP address"),
        (&path, r#"{"drain": true, "weight": 1}"#, 400, "either"),
        (&path, "{}", 400, "either"),
        (&path, r#"{"weight": 1001}"#, 400, "at most 1000"),
        (&path, r#"{"weigth": 1}"#, 400, "unknown field `weigth`"),
        (&path, r#"{"weight": 1, "expires_in": "soon"}"#, 400, "expires_in"),
    ] {
        let refused = gateway.tell_admin("PUT", path, document);
        assert_eq!(refused.status, status, "{path} {document} {}", refused.body);
        assert!(refused.body.contains(words), "{document}: {}", refused.body);
    }
}

#[test]
fn the_admin_api_answers_to_its_own_names_only() {
    let gateway = Gateway::start("");
    let token = format!("Bearer {ADMIN_TOKEN}");
    let ask = |host: &str| {
        let headers = [("authorization", token.as_str()), ("host", host)];
        send("GET", &gateway.admin_url("/"), &headers, "").status
    };
    assert_eq!(["localhost:9090", "127.0.0.1", "rebound.example"].map(ask), [200, 200, 403]);
}

#[test]
fn messages_of_another_level_can_be_asked_for() {
    let gateway = Gateway::start("");
    assert_eq!(gateway.tell_admin("PUT", "/log-level", r#"{"level": "debug"}"#).status, 204);
    gateway.get("/livez");
    gateway.messages.find("a message of level debug", |line| line.contains("\"level\":\"DEBUG\""));
    assert_eq!(gateway.tell_admin("PUT", "/log-level", r#"{"level": "loud"}"#).status, 400);
}
