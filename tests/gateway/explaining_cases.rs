//! What is explained beforehand is what happens: case by case, the word of the explanation and the status that comes.

use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::port::Port;
use crate::support::wait::until;
use crate::tokens::{olympus, token};
use crate::{commerce, endpoint};

/// A request with one header, who is said to answer it (a pool, a part, a code, else nothing), and the status.
type Case = (
    &'static str,
    (&'static str, &'static str),
    (&'static str, &'static str),
    &'static str,
    &'static str,
    u16,
);

const PLAIN: (&str, &str) = ("accept", "*/*");

const CASES: [Case; 14] = [
    ("answered by a part of the gateway", ("GET", "/livez"), PLAIN, "local", "health", 200),
    ("proxied", ("GET", "/api/products"), PLAIN, "backend", "app", 200),
    ("the canary of a split", ("GET", "/canary/products"), ("x-user", "7"), "backend", "next", 200),
    ("the rest of a split", ("GET", "/stable/products"), ("x-user", "7"), "backend", "app", 200),
    ("no route", ("GET", "/nowhere"), PLAIN, "admission", "route_not_found", 404),
    ("another method", ("GET", "/small"), PLAIN, "admission", "method_not_allowed", 405),
    ("the methods asked for", ("OPTIONS", "/small"), PLAIN, "admission", "", 204),
    ("a path that can be read in two ways", ("GET", "/a%2Fb"), PLAIN, "admission", "invalid_path", 400),
    ("a body too large", ("POST", "/small"), ("content-length", "11"), "admission", "body_too_large", 413),
    ("a required header is missing", ("GET", "/marked"), PLAIN, "admission", "route_not_found", 404),
    ("every endpoint drained", ("GET", "/drained/products"), PLAIN, "refusal", "no_backend", 503),
    ("every breaker open", ("GET", "/broken/products"), PLAIN, "refusal", "no_backend", 503),
    ("no token", ("GET", "/guarded/products"), PLAIN, "admission", "token_missing", 401),
    ("a limit that is reached", ("GET", "/limited/products"), PLAIN, "admission", "rate_limited", 429),
];

fn route(name: &str, upstream: &str, more: &str) -> String {
    let prefix = format!("path = \"/{name}/{{*rest}}\"\nstrip_prefix = \"/{name}\"");
    format!("[routes.{name}]\n{prefix}\nupstream = \"{upstream}\"\n{more}\n")
}

fn upstream(name: &str, address: std::net::SocketAddr, more: &str) -> String {
    format!("[upstreams.{name}]\nendpoints = [{}]\n{more}\n", endpoint(address))
}

/// Who is said to answer, by its most telling word.
fn told(gateway: &Gateway, (method, url): (&str, &str), (name, value): (&str, &str)) -> (Value, String) {
    let question = format!("/explain?method={method}&url={url}&header={name}:{value}");
    let question = question.replace('%', "%25").replace(' ', "%20");
    let mut told = gateway.ask_admin(&question).json();
    let pool = told["pool"]["name"].take();
    let mut outcome = told["outcome"].take();
    let words = [outcome["code"].take(), outcome["part"].take(), pool];
    let word = words.iter().find_map(Value::as_str).unwrap_or_default().to_owned();
    (outcome["by"].take(), word)
}

#[test]
fn each_case_happens_as_it_is_explained() {
    let (app, next, gone) = (commerce("app"), commerce("next"), Port::reserve());
    let folder = Folder::new("explained-keys");
    let keys = folder.file("keys");
    olympus(&["token", "--new-key", &keys]);
    let config = [
        upstream("app", app.address(), ""),
        upstream("next", next.address(), ""),
        upstream("drained", app.address(), ""),
        upstream("broken", gone.address(), "breaker = { min_requests = 2, open_for = \"1m\" }"),
        route("api", "app", ""),
        route(
            "canary",
            "app",
            "split = [{ upstream = \"next\", percent = 100 }]\nsplit_by = \"header:x-user\"",
        ),
        route(
            "stable",
            "app",
            "split = [{ upstream = \"next\", percent = 0 }]\nsplit_by = \"header:x-user\"",
        ),
        route("drained", "drained", ""),
        route("broken", "broken", ""),
        route("guarded", "app", "auth = \"required\""),
        route("managed", "app", "auth = { roles = [\"manager\"] }"),
        route("limited", "app", "limits = [\"rare\"]"),
        "[limits.rare]\nkey = [\"ip\"]\nrate = \"1/h\"\nburst = 1\n".to_owned(),
        format!("[auth]\nkeys_dir = {keys:?}\n"),
        "[routes.small]\npath = \"/small\"\nmethods = [\"POST\"]\nlocal = \"status\"\nmax_body = \"10b\"\n"
            .to_owned(),
        "[routes.marked]\npath = \"/marked\"\nheaders = [{ name = \"x-mark\" }]\nlocal = \"status\"\n"
            .to_owned(),
    ];
    let gateway = Gateway::start(&config.concat());
    let drained = format!("/upstreams/drained/endpoints/{}", app.address());
    assert_eq!(gateway.tell_admin("PUT", &drained, r#"{"drain": true}"#).status, 200);
    until("the breaker opens", || {
        gateway.get("/broken/products");
        (told(&gateway, ("GET", "/broken/products"), PLAIN).0 == "refusal").then_some(())
    });
    assert_eq!(gateway.get("/limited/products").status, 200, "the one that is admitted");
    for (what, (method, path), (name, value), by, word, status) in CASES {
        let (said_by, said) = told(&gateway, (method, path), (name, value));
        assert_eq!((said_by.as_str(), said.as_str()), (Some(by), word), "{what}");
        let body = if name == "content-length" { "12345678901" } else { "" };
        let headers = if body.is_empty() { vec![(name, value)] } else { Vec::new() };
        assert_eq!(send(method, &gateway.url(path), &headers, body).status, status, "{what}");
    }
    for (role, by, word, status) in
        [("viewer", "admission", "forbidden", 403), ("manager", "backend", "app", 200)]
    {
        let bearer = format!("Bearer {}", token(&gateway, role));
        let said = told(&gateway, ("GET", "/managed/products"), ("authorization", &bearer));
        assert_eq!((said.0.as_str(), said.1.as_str()), (Some(by), word), "{role}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(send("GET", &gateway.url("/managed/products"), &headers, "").status, status, "{role}");
    }
}
