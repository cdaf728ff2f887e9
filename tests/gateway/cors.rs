//! Pages of other origins: preflights, actual requests, and errors that their scripts can read.

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send};
use crate::support::port::Port;
use crate::{app, commerce, endpoint};

const POLICY: &str = r#"
[cors.shops]
origins = ["https://shop.example", "https://*.shop.example"]
headers = ["content-type", "authorization"]
expose = ["x-request-id"]
credentials = true
max_age = "5m"
"#;

fn with_policy(route: &str, endpoint: String) -> Gateway {
    Gateway::start(&format!("{}{POLICY}", app(&[endpoint], "", &format!("cors = \"shops\"\n{route}"))))
}

fn preflight(gateway: &Gateway, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    send("OPTIONS", &gateway.url("/api/echo"), &headers, "")
}

fn allowed(answer: &Answer) -> &str {
    answer.header("access-control-allow-origin")
}

#[test]
fn a_preflight_is_answered_here() {
    let nobody = Port::reserve();
    let gateway = with_policy("methods = [\"GET\", \"POST\"]", endpoint(nobody.address()));
    let yes = preflight(&gateway, "https://de.shop.example");
    assert_eq!((yes.status, yes.body.as_str(), allowed(&yes)), (204, "", "https://de.shop.example"));
    assert_eq!(yes.header("access-control-allow-methods"), "GET, POST");
    assert_eq!(yes.header("access-control-allow-headers"), "content-type, authorization");
    assert_eq!(
        (yes.header("access-control-allow-credentials"), yes.header("access-control-max-age")),
        ("true", "300")
    );
    assert!(yes.header("vary").to_lowercase().contains("origin"));

    let no = preflight(&gateway, "https://evil.example");
    assert_eq!((no.status, allowed(&no), no.header("access-control-allow-methods")), (204, "", ""));
}

#[test]
fn an_actual_answer_names_the_allowed_origin_only() {
    let shop = commerce("shop");
    let route = "[routes.app.request]\nset = { x-seen = \"1\" }";
    let gateway = with_policy(route, endpoint(shop.address()));
    for (origin, is_allowed) in
        [("https://shop.example", true), ("https://shop.example.evil", false), ("null", false)]
    {
        let answer = send("GET", &gateway.url("/api/headers"), &[("origin", origin)], "");
        assert_eq!((answer.status, allowed(&answer)), (200, if is_allowed { origin } else { "" }));
        assert_eq!(
            answer.header("access-control-expose-headers"),
            if is_allowed { "x-request-id" } else { "" }
        );
        assert!(answer.header("vary").to_lowercase().contains("origin"));
    }
}

#[test]
fn errors_can_be_read_by_the_pages_that_may_ask() {
    let nobody = Port::reserve();
    let gateway =
        with_policy("max_body = \"1kb\"\nmethods = [\"GET\", \"POST\"]", endpoint(nobody.address()));
    let ask = |method, body: &str| {
        send(method, &gateway.url("/api/x"), &[("origin", "https://shop.example")], body)
    };
    let refused = [ask("GET", ""), ask("POST", &"x".repeat(1025)), ask("PUT", "")];
    assert_eq!(refused.each_ref().map(|answer| answer.status), [502, 413, 405]);
    assert_eq!(refused.each_ref().map(allowed), ["https://shop.example"; 3]);
}
