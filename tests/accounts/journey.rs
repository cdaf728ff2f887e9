//! A day of somebody who keeps a catalogue, over real sockets: from the login to the logout.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Keys, Stage};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};

/// What the gateway serves besides sessions.
const API: &str = r#"
[cache]
[routes.products]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "required"
"#;

/// Somebody who is logged in.
struct Keeper<'g> {
    gateway: &'g Gateway,
    bearer: String,
}

impl Keeper<'_> {
    fn get(&self, path: &str) -> Answer {
        send("GET", &self.gateway.url(path), &[("authorization", &self.bearer)], "")
    }

    fn put(&self, method: &str, path: &str, tag: &str, document: &Value) -> Answer {
        let mut headers = vec![("authorization", self.bearer.as_str())];
        headers.extend((!tag.is_empty()).then_some(("if-match", tag)));
        send_json(method, &self.gateway.url(path), &headers, document)
    }

    /// Makes a product and says where it is.
    fn product(&self, sku: &str, amount: &str) -> String {
        let made = self.put("POST", "/api/v1/products", "", &product(sku, amount));
        assert_eq!(made.status, 201, "{}", made.body);
        made.header("location").to_owned()
    }
}

fn product(sku: &str, amount: &str) -> Value {
    let price = json!({ "amount": amount, "currency": "EUR" });
    json!({ "sku": sku, "name": format!("Lamp {sku}"), "price": price, "stock": 3, "status": "active" })
}

fn skus(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap()).collect()
}

#[test]
fn somebody_logs_in_keeps_a_catalogue_pages_through_it_and_logs_out() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let phone = Device(&gateway, "phone");
    let pair = phone.log_in(ADMIN);
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let keeper = Keeper { gateway: &gateway, bearer };

    let places = ["12.30", "5", "700"].map(|amount| keeper.product(&format!("J-{amount}"), amount));
    let seen = keeper.get(&places[0]);
    assert_eq!((seen.status, &seen.json()["data"]["price"]["amount"]), (200, &json!("12.30")));
    let changed = keeper.put("PUT", &places[0], seen.header("etag"), &product("J-12.30", "13"));
    assert_eq!(changed.status, 200, "{}", changed.body);
    let outdated = keeper.put("PUT", &places[0], seen.header("etag"), &product("J-12.30", "14"));
    assert_eq!((outdated.status, &outdated.json()["code"]), (412, &json!("precondition_failed")));
    assert_eq!(keeper.get(&places[0]).json()["data"]["price"]["amount"], "13.00");

    let mine = "/api/v1/products?sku%5Bprefix%5D=J-&sort=price&limit=2";
    let first = keeper.get(mine);
    assert_eq!((skus(&first.json()), first.header("x-total-count")), (vec!["J-5", "J-12.30"], "3"));
    let next = first.json()["meta"]["page"]["next"].as_str().unwrap().to_owned();
    let second = keeper.get(&format!("{mine}&after={next}"));
    assert_eq!(skus(&second.json()), ["J-700"]);
    let dear = "/api/v1/products?currency=EUR&price%5Bgte%5D=100&sku%5Bprefix%5D=J-";
    assert_eq!(skus(&keeper.get(dear).json()), ["J-700"]);
    let again = keeper.get(mine);
    let told = again.header("cache-status");
    assert!(told.starts_with("olympus; "), "{told}");
    assert_eq!(again.body, first.body);

    let gone = send("DELETE", &gateway.url(&places[1]), &[("authorization", &keeper.bearer)], "");
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert_eq!(skus(&keeper.get(mine).json()), ["J-12.30", "J-700"]);

    assert_eq!(phone.with(&pair["access_token"], "POST", "logout").status, 204);
    let refused = keeper.get(mine);
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("token_revoked")));
}
