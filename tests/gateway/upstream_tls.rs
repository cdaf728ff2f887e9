//! TLS to backends: who is trusted, what is shown to them, and what is said of those who are not.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::before;
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::Answer;
use crate::support::secure::{Authority, Backend};
use crate::support::wait::until;

const BOTH: [&str; 2] = ["h2", "http/1.1"];

/// A `tls` table that trusts this authority; `more` holds further keys.
fn trusting(folder: &Folder, authority: &Authority, more: &str) -> String {
    let ca = folder.write("ca.pem", &authority.pem);
    format!("tls = {{ sni = \"shop.example\", ca = \"{ca}\"{more} }}")
}

/// Holds the answer to a request that found no trust against what operators see of it.
fn expect_refusal(gateway: &Gateway, answer: &Answer, cause: &str, reason: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (502, &json!("bad_gateway")), "{answer:?}");
    let line = gateway.line_for(answer);
    assert_eq!(line["flag"], "UTLS", "{line}");
    let failures = gateway.metric("olympus_upstream_failures_total", &[&format!("cause=\"{cause}\"")]);
    assert!(failures >= 1.0, "{failures}");
    let said = gateway.messages.find(reason, |line| line.contains(reason));
    for word in ["no TLS with the endpoint", "app", "127.0.0.1:"] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn requests_travel_over_tls() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(authority.issue("shop.example").server(&["http/1.1"], None));
    let gateway = before(backend.address, &trusting(&folder, &authority, ""), "");
    for _ in 0..3 {
        let answer = gateway.get("/api/x");
        assert_eq!((answer.status, answer.body.as_str()), (200, "http/1"));
    }
    assert_eq!(backend.connections(), 1, "the connection is kept");
}

#[test]
fn a_backend_that_a_stranger_vouches_for_is_refused() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(Authority::new().issue("shop.example").server(&BOTH, None));
    let gateway = before(backend.address, &trusting(&folder, &authority, ""), "");
    let answer = gateway.get("/api/x");
    assert_eq!(answer.header("proxy-status"), "olympus; error=tls_certificate_error");
    expect_refusal(&gateway, &answer, "certificate", "invalid peer certificate: ");
}

#[test]
fn without_a_ca_only_the_platforms_authorities_are_trusted() {
    let authority = Authority::new();
    let backend = Backend::secure(authority.issue("shop.example").server(&BOTH, None));
    let gateway = before(backend.address, "tls = { sni = \"shop.example\" }", "");
    expect_refusal(
        &gateway,
        &gateway.get("/api/x"),
        "certificate",
        "invalid peer certificate: UnknownIssuer",
    );
}

#[test]
fn a_backend_of_another_name_is_refused() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(authority.issue("other.example").server(&BOTH, None));
    let gateway = before(backend.address, &trusting(&folder, &authority, ""), "");
    let reason = "certificate not valid for name \\\"shop.example\\\"";
    expect_refusal(&gateway, &gateway.get("/api/x"), "certificate", reason);
}

#[test]
fn a_backend_that_asks_is_shown_the_gateways_certificate() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let (server, client) = (authority.issue("shop.example"), authority.issue("gateway.example"));
    let (cert, key) = (folder.write("cert.pem", &client.cert), folder.write("key.pem", &client.key));
    let shown = format!(", client_cert = \"{cert}\", client_key = \"{key}\"");
    for (protocols, protocol, body) in [(["http/1.1"], "http1", "http/1"), (["h2"], "h2", "http/2 ")] {
        let backend = Backend::secure(server.server(&protocols, Some(&authority)));
        let speak = format!("protocol = \"{protocol}\"\n");
        let known = before(backend.address, &(speak.clone() + &trusting(&folder, &authority, &shown)), "");
        assert_eq!(known.get("/api/x").body, body);
        let speak = speak + &trusting(&folder, &authority, "");
        assert_eq!(before(backend.address, &speak, "").get("/api/x").status, 502);
        // With TLS 1.3 the backend's refusal may be overtaken by the end of the connection; before, it cannot.
        let config = server.server_of(&[&rustls::version::TLS12], &protocols, Some(&authority));
        let older = Backend::secure(config);
        let unknown = before(older.address, &speak, "");
        expect_refusal(&unknown, &unknown.get("/api/x"), "tls", "received fatal alert: ");
    }
}

#[test]
fn pools_that_trust_differently_share_no_connections() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(authority.issue("shop.example").server(&["http/1.1"], None));
    let trusting = trusting(&folder, &authority, "");
    let address = backend.address;
    let gateway = Gateway::start(&format!(
        r#"
[upstreams.trusting]
endpoints = [{{ address = "{address}" }}]
{trusting}
[upstreams.wary]
endpoints = [{{ address = "{address}" }}]
tls = {{ sni = "shop.example" }}
[routes.trusting]
path = "/trusting"
upstream = "trusting"
[routes.wary]
path = "/wary"
upstream = "wary"
"#
    ));
    assert_eq!(gateway.get("/trusting").status, 200);
    assert_eq!(gateway.get("/wary").status, 502, "the other pool's connection must not be taken");
}

#[test]
fn http_2_is_agreed_on_where_both_sides_know_it() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let server = authority.issue("shop.example");
    let tls = trusting(&folder, &authority, "");
    let told = |protocols: &[&str], protocol: &str| {
        let backend = Backend::secure(server.server(protocols, None));
        let gateway = before(backend.address, &format!("protocol = \"{protocol}\"\n{tls}"), "");
        let answer = gateway.get("/api/x");
        (answer.status, if answer.status == 200 { answer.body } else { "none".to_owned() })
    };
    assert_eq!(told(&BOTH, "http1"), (200, "http/1".to_owned()));
    assert_eq!(told(&BOTH, "auto"), (200, "http/2 ".to_owned()));
    assert_eq!(told(&["http/1.1"], "auto"), (200, "http/1".to_owned()));
    assert_eq!(told(&BOTH, "h2"), (200, "http/2 ".to_owned()));
    assert_eq!(told(&["http/1.1"], "h2"), (502, "none".to_owned()));
    assert_eq!(told(&[], "h2"), (502, "none".to_owned()), "one that agrees to nothing speaks HTTP/1.1");
}

#[test]
fn a_websocket_is_asked_for_over_http_1() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(authority.issue("shop.example").server(&BOTH, None));
    let config = format!("protocol = \"auto\"\n{}", trusting(&folder, &authority, ""));
    let gateway = before(backend.address, &config, "");
    assert_eq!(gateway.get("/api/x").body, "http/2 ");
    let upgrade = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    assert_eq!(gateway.wire().get("/api/socket", &upgrade).body, "http/1");
}

/// What the admin API says of the only endpoint, once it is in this state.
fn once(gateway: &Gateway, state: &str) -> Value {
    until(state, || {
        let endpoint = gateway.ask_admin("/upstreams").json()["app"]["endpoints"][0].take();
        (endpoint["state"] == state).then_some(endpoint)
    })
}

#[test]
fn checks_speak_as_requests_do() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let checks = "health = { path = \"/health\", interval = \"200ms\", timeout = \"190ms\", \
                  unhealthy_interval = \"50ms\", unhealthy_after = 1, healthy_after = 1 }";
    for (protocol, offered) in [("h2", ["h2"]), ("auto", ["h2"])] {
        let backend = Backend::secure(authority.issue("shop.example").server(&offered, None));
        let tls = trusting(&folder, &authority, "");
        let gateway = before(
            backend.address,
            &format!("slow_start = \"0s\"\nprotocol = \"{protocol}\"\n{tls}\n{checks}"),
            "",
        );
        until("a check passes", || {
            once(&gateway, "healthy")["reason"].as_str().unwrap().contains("passed").then_some(())
        });
        let head = backend.seen.heads.lock().unwrap()[0].clone();
        assert_eq!(head.uri().to_string(), format!("https://{}/health", backend.address));
        backend.seen.is_sick.store(true, Ordering::SeqCst);
        assert_eq!(once(&gateway, "unhealthy")["reason"], "status 500, not 200");
        backend.seen.is_sick.store(false, Ordering::SeqCst);
        once(&gateway, "healthy");
    }
}

#[test]
fn a_check_fails_where_nobody_is_trusted() {
    let (folder, authority) = (Folder::new("tls"), Authority::new());
    let backend = Backend::secure(authority.issue("other.example").server(&BOTH, None));
    for check in ["tcp = true", "path = \"/\""] {
        let config = format!("{}\nhealth = {{ {check} }}", trusting(&folder, &authority, ""));
        let gateway = before(backend.address, &config, "");
        let reason = once(&gateway, "unhealthy")["reason"].as_str().unwrap().to_owned();
        assert!(reason.starts_with("invalid peer certificate: certificate not valid for name"), "{reason}");
    }
}
