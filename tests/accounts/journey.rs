//! A day at a shop, over real sockets, from the login to the logout: somebody keeps its catalogue, somebody else buys
//! there, and the order is followed until it is delivered.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Keys, Stage};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, get, send, send_json};
use crate::support::process::Process;

/// What the gateway serves besides sessions, of which the commerce service listens at the end.
const API: &str = r#"
[cache]
[routes.products]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "required"
[routes.orders]
path = ["/api/v1/orders", "/api/v1/orders/{*rest}"]
local = "rest"
auth = "required"
[backends.commerce]
upstream = "commerce"
[upstreams.commerce]
endpoints = [{ address = "#;

const BUYER: &str = "member@acme.example";
/// The products that are made here, the cheapest first.
const MINE: &str = "/api/v1/products?sku%5Bprefix%5D=J-&sort=price&limit=2";
/// A picture of one pixel.
const DOT: &str = "GIF89a\x01\0\x01\0\0\0\0;";

/// Somebody who is logged in.
struct Person<'g> {
    device: Device<'g>,
    pair: Value,
    bearer: String,
}

impl<'g> Person<'g> {
    fn at(device: Device<'g>, email: &str) -> Self {
        let pair = device.log_in(email);
        let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
        Self { device, pair, bearer }
    }

    fn url(&self, path: &str) -> String {
        self.device.0.url(path)
    }

    fn get(&self, path: &str) -> Answer {
        send("GET", &self.url(path), &[("authorization", &self.bearer)], "")
    }

    fn put(&self, method: &str, path: &str, tag: &str, document: &Value) -> Answer {
        let mut headers = vec![("authorization", self.bearer.as_str())];
        headers.extend((!tag.is_empty()).then_some(("if-match", tag)));
        send_json(method, &self.url(path), &headers, document)
    }

    /// Makes a thing and says where it is.
    fn make(&self, path: &str, document: &Value) -> String {
        let made = self.put("POST", path, "", document);
        assert_eq!(made.status, 201, "{}", made.body);
        made.header("location").to_owned()
    }

    /// Moves an order on from how it is now.
    fn move_on(&self, order: &str, status: &str) -> Answer {
        let now = self.get(order);
        let (path, change) = (format!("{order}/status"), json!({ "status": status }));
        self.put("PATCH", &path, now.header("etag"), &change)
    }

    /// The member of every item of a list, and where the next page is.
    fn page(&self, path: &str, member: &str) -> (Vec<String>, String) {
        let page = self.get(path).json();
        let items = page["data"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
        let found = items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect();
        let next = page["meta"]["page"]["next"].as_str().unwrap_or_default();
        (found, if next.is_empty() { String::new() } else { format!("{path}&after={next}") })
    }

    fn assert_logs_out(&self, path: &str) {
        assert_eq!(self.device.with(&self.pair["access_token"], "POST", "logout").status, 204);
        let refused = self.get(path);
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("token_revoked")));
        assert_eq!(self.device.refresh(&self.pair).status, 401);
    }
}

fn open(stage: &Stage) -> (Gateway, Process) {
    let commerce = Process::example("commerce", "commerce-1", &[]);
    let route = &format!("{API}\"{}\" }}]\n", commerce.address());
    (stage.gateway_with(&Keys { route, ..Keys::default() }), commerce)
}

fn product(sku: &str, amount: &str) -> Value {
    let price = json!({ "amount": amount, "currency": "EUR" });
    json!({ "sku": sku, "name": format!("Lamp {sku}"), "price": price, "stock": 3, "status": "active" })
}

/// The last step of a path.
fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// What goods there are at the commerce service, and how many of them are held.
fn stock(commerce: &Process, product: &str) -> (u64, u64) {
    let level = get(&commerce.url(&format!("/stock/{}", id(product)))).json();
    (level["on_hand"].as_u64().unwrap(), level["reserved"].as_u64().unwrap())
}

#[test]
fn a_shop_is_kept_an_order_is_followed_until_it_is_delivered_and_both_sides_log_out() {
    let stage = Stage::new();
    let (gateway, commerce) = open(&stage);
    let keeper = Person::at(Device(&gateway, "counter"), ADMIN);
    let buyer = Person::at(Device(&gateway, "phone"), BUYER);
    let [lamp, dear] = keep_products(&keeper);
    show_picture(&keeper, &buyer, &lamp);
    look_through_products(&keeper, &buyer);

    let shelf = stock(&commerce, &lamp).0;
    let wanted = |quantity: u8| json!({ "items": [{ "product_id": id(&lamp), "quantity": quantity }] });
    let orders = [2, 1, 3].map(|quantity| buyer.make("/api/v1/orders", &wanted(quantity)));
    assert_eq!(stock(&commerce, &lamp), (shelf, 6));
    deliver(&keeper, &buyer, &orders[0]);
    assert_eq!(stock(&commerce, &lamp), (shelf - 2, 4));
    assert_told(&stage, id(&orders[0]));

    let mine = look_through_orders(&buyer, orders.each_ref().map(|order| id(order)));
    buyer.assert_logs_out(&mine);
    assert_eq!(keeper.page(&mine, "id").0.len(), 2, "others are not touched");
    keeper.assert_logs_out(&dear);
}

/// Makes three products, changes one and takes one away. Gives those that are left, the cheaper one first.
fn keep_products(keeper: &Person<'_>) -> [String; 2] {
    let [lamp, other, dear] = ["12.30", "5", "700"]
        .map(|amount| keeper.make("/api/v1/products", &product(&format!("J-{amount}"), amount)));
    let seen = keeper.get(&lamp);
    assert_eq!((seen.status, &seen.json()["data"]["price"]["amount"]), (200, &json!("12.30")));
    let changed = keeper.put("PUT", &lamp, seen.header("etag"), &product("J-12.30", "13"));
    assert_eq!(changed.status, 200, "{}", changed.body);
    let outdated = keeper.put("PUT", &lamp, seen.header("etag"), &product("J-12.30", "14"));
    assert_eq!((outdated.status, &outdated.json()["code"]), (412, &json!("precondition_failed")));
    assert_eq!(keeper.get(&lamp).json()["data"]["price"]["amount"], "13.00");
    let (skus, _) = keeper.page(MINE, "sku");
    assert_eq!(skus, ["J-5", "J-12.30"]);
    let gone = send("DELETE", &keeper.url(&other), &[("authorization", &keeper.bearer)], "");
    assert_eq!(gone.status, 204, "{}", gone.body);
    keeper.make("/api/v1/products", &product("J-20", "20"));
    [lamp, dear]
}

fn show_picture(keeper: &Person<'_>, buyer: &Person<'_>, product: &str) {
    let image = format!("{product}/image");
    assert_eq!(buyer.get(&image).status, 404);
    let put = |person: &Person<'_>| {
        let headers = [("authorization", person.bearer.as_str()), ("content-type", "image/gif")];
        send("PUT", &person.url(&image), &headers, DOT)
    };
    assert_eq!(put(buyer).status, 403, "it is not theirs to give");
    let sent = put(keeper);
    assert_eq!((sent.status, &sent.json()["data"]["width"]), (200, &json!(1)), "{}", sent.body);
    let shown = buyer.get(&image);
    assert_eq!((shown.header("content-type"), shown.body.as_str()), ("image/gif", DOT));
    assert_eq!(shown.header("etag"), sent.header("etag"));
}

fn look_through_products(keeper: &Person<'_>, buyer: &Person<'_>) {
    let first = buyer.get(MINE);
    assert_eq!(first.header("x-total-count"), "3");
    let (skus, next) = buyer.page(MINE, "sku");
    assert_eq!(skus, ["J-12.30", "J-20"]);
    assert_eq!(buyer.page(&next, "sku"), (vec!["J-700".to_owned()], String::new()));
    let dear = "/api/v1/products?currency=EUR&price%5Bgte%5D=100&sku%5Bprefix%5D=J-";
    assert_eq!(buyer.page(dear, "sku").0, ["J-700"]);
    let again = keeper.get(MINE);
    let told = again.header("cache-status");
    assert!(told.starts_with("olympus; "), "{told}");
    assert_eq!(again.body, first.body);
}

/// Moves an order on until it is delivered: what is the buyer's to say is said by the buyer, and the rest by the shop.
fn deliver(keeper: &Person<'_>, buyer: &Person<'_>, order: &str) {
    let confirmed = buyer.move_on(order, "confirmed");
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let refused = buyer.move_on(order, "paid");
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")));
    for status in ["paid", "shipped", "delivered"] {
        let moved = keeper.move_on(order, status);
        assert_eq!((moved.status, &moved.json()["data"]["status"]), (200, &json!(status)), "{}", moved.body);
    }
    let seen = buyer.get(&format!("{order}?include=items")).json()["data"].clone();
    assert_eq!((&seen["status"], &seen["total"]["amount"]), (&json!("delivered"), &json!("26.00")));
    assert_eq!(seen["items"][0]["quantity"], 2);
}

/// The outbox has an event of each move of the order, in their order.
fn assert_told(stage: &Stage, order: &str) {
    let told = stage.word(&format!(
        "SELECT string_agg(concat_ws(' ', topic, payload->>'previous_status', payload->>'status'), ', ' ORDER BY id)
         FROM outbox WHERE key = '{order}'"
    ));
    let moves = ["pending confirmed", "confirmed paid", "paid shipped", "shipped delivered"];
    let moves = moves.map(|statuses| format!("order.status_changed {statuses}")).join(", ");
    assert_eq!(told, format!("order.created pending, {moves}"));
}

/// Pages through orders of 2, 1 and 3 of the same, of which the first was delivered, and filters them. Gives the list.
fn look_through_orders(buyer: &Person<'_>, [delivered, small, large]: [&str; 3]) -> String {
    let mine = format!("/api/v1/orders?id%5Bin%5D={delivered},{small},{large}&sort=-total&limit=2");
    let (found, next) = buyer.page(&mine, "id");
    assert_eq!(found, [large, delivered]);
    assert_eq!(buyer.page(&next, "id"), (vec![small.to_owned()], String::new()));
    for (filter, expected) in [
        ("status=delivered", vec![delivered]),
        ("status%5Bne%5D=delivered", vec![large, small]),
        ("currency=EUR&total%5Blt%5D=26", vec![small]),
        ("status=cancelled", vec![]),
    ] {
        assert_eq!(buyer.page(&format!("{mine}&{filter}"), "id").0, expected, "{filter}");
    }
    mine
}
