//! `/openapi.json` and `/docs`, through a running gateway.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::json;

use crate::document::{document, operations};
use crate::support::gateway::Gateway;
use crate::support::http::{get, send};
use crate::support::wait::until;

const DOCS: &str = r#"
[routes.docs]
path = ["/openapi.json", "/docs", "/docs/{*rest}"]
local = "docs"
"#;

#[test]
fn the_document_is_served_to_everybody() {
    let gateway = Gateway::start(DOCS);
    let answer = get(&gateway.url("/openapi.json"));
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json(), document());
    assert_eq!(send("POST", &gateway.url("/openapi.json"), &[], "").status, 405);
}

#[test]
fn the_document_says_how_long_pages_are_here() {
    let config = |most| format!("[rest]\ndefault_limit = 7\nmax_limit = {most}\n{DOCS}");
    let gateway = Gateway::start(&config(30));
    let lengths = || {
        let document = get(&gateway.url("/openapi.json")).json();
        let limits = operations(&document).into_iter().filter_map(|(_, _, operation)| {
            let mut parameters = operation["parameters"].as_array()?.iter();
            let limit = parameters.find(|it| it["name"] == "limit")?;
            Some((limit["schema"]["default"].clone(), limit["schema"]["maximum"].clone()))
        });
        limits.collect::<Vec<_>>()
    };
    let first = lengths();
    assert!(first.len() >= 5 && first.iter().all(|it| *it == (json!(7), json!(30))), "{first:?}");
    gateway.write_config(&config(40));
    until("the document is of the other configuration", || {
        lengths().iter().all(|it| *it == (json!(7), json!(40))).then_some(())
    });
}

#[test]
fn the_pages_bring_all_they_need_and_are_held_to_it() {
    let gateway = Gateway::start(DOCS);
    let page = get(&gateway.url("/docs"));
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(!page.body.contains("<style") && !page.body.contains("onload"), "{}", page.body);
    let named: Vec<&str> = page.body.split('"').filter(|text| text.starts_with('/')).collect();
    assert_eq!(page.body.matches("<script").count(), page.body.matches("<script src=\"/docs/").count());
    assert_eq!(page.body.matches("http").count(), 0, "another host is named");
    for path in &named {
        let answer = send("HEAD", &gateway.url(path), &[], "");
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    assert!(named.len() >= 5, "{named:?}");
    assert_eq!(get(&gateway.url("/docs/")).body, page.body);
    assert_eq!(get(&gateway.url("/docs/nothing")).status, 404);
}

#[test]
fn files_are_packed_for_those_who_take_it_and_sent_once() {
    let gateway = Gateway::start(DOCS);
    let url = gateway.url("/docs/swagger-ui.css");
    let plain = get(&url);
    assert_eq!((plain.status, plain.header("vary")), (200, "accept-encoding"));
    assert_eq!(plain.header("content-encoding"), "");
    let mut packed = ureq::get(&url).header("accept-encoding", "br, gzip").call().unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.body_mut().read_to_vec().unwrap();
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain.body);
    let again = send("GET", &url, &[("if-none-match", plain.header("etag"))], "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let refused = ureq::get(&url).header("accept-encoding", "gzip;q=0").call().unwrap();
    assert!(!refused.headers().contains_key("content-encoding"));
}
