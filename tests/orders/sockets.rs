//! Orders as clients place them: through the sockets of running gateways, of which one is killed.

use std::thread;

use serde_json::{Value, json};

use crate::gateways::{ADMIN, Device, Stage};
use crate::stage::codes;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, get, send, send_json, try_send};
use crate::support::process::Process;
use crate::support::wait::until;

pub(crate) const ORDERS: &str = "/api/v1/orders";

/// Demo tenants with a commerce service.
pub(crate) struct Shop {
    pub(crate) stage: Stage,
    pub(crate) commerce: Process,
    pub(crate) product: String,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let (stage, commerce) = (Stage::new(), Process::example("commerce", "commerce-1", &[]));
        let product = one(&stage, "SELECT id::text FROM products WHERE sku = 'AC-0001'");
        Self { stage, commerce, product }
    }

    fn gateway(&self) -> Gateway {
        self.stage.gateway(&self.settings("15m"))
    }

    /// What a gateway needs to know of it; goods are held for so long.
    pub(crate) fn settings(&self, ttl: &str) -> String {
        format!(
            r#"
[upstreams.commerce]
endpoints = [{{ address = "{}" }}]
try_timeout = "20s"
[backends.commerce]
upstream = "commerce"
timeout = "20s"
reservation_ttl = "{ttl}"
[routes.orders]
path = ["{ORDERS}", "{ORDERS}/{{*rest}}"]
local = "rest"
auth = "required"
"#,
            self.commerce.address()
        )
    }

    fn order(&self) -> Value {
        json!({ "items": [{ "product_id": self.product, "quantity": 2 }], "note": "ring twice" })
    }

    fn reserved(&self) -> u64 {
        let level = get(&self.commerce.url(&format!("/stock/{}", self.product))).json();
        level["reserved"].as_u64().unwrap()
    }

    /// New orders, their events and what is not settled.
    fn counts(&self) -> [String; 3] {
        [
            "SELECT count(*)::text FROM orders WHERE note = 'ring twice'",
            "SELECT count(*)::text FROM outbox WHERE topic = 'order.created'",
            "SELECT count(*)::text FROM intents",
        ]
        .map(|sql| one(&self.stage, sql))
    }
}

pub(crate) fn one(stage: &Stage, sql: &str) -> String {
    stage.runtime.block_on(async {
        stage.database.connect("postgres").await.query_one(sql, &[]).await.unwrap().get(0)
    })
}

/// The line that says who asks.
pub(crate) fn bearer(gateway: &Gateway) -> String {
    let pair = Device(gateway, "test").log_in(ADMIN);
    format!("Bearer {}", pair["access_token"].as_str().unwrap())
}

fn place(gateway: &Gateway, (bearer, key): (&str, &str), order: &Value) -> Answer {
    let headers = [("authorization", bearer), ("idempotency-key", key)];
    send_json("POST", &gateway.url(ORDERS), &headers, order)
}

#[test]
fn a_hundred_posts_with_one_key_make_one_order() {
    let shop = Shop::open();
    let (gateway, order) = (shop.gateway(), shop.order());
    let bearer = bearer(&gateway);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let one = || place(&gateway, (&bearer, "k-1"), &order);
        let all: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let fresh = made.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count();
    assert_eq!(fresh, 1);
    let ids: std::collections::BTreeSet<_> =
        made.iter().map(|answer| answer.json()["data"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    for other in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((other.status, &other.json()["code"]), (409, &json!("idempotency_in_progress")));
        assert_eq!(other.header("retry-after"), "1");
    }
    assert_eq!(shop.counts(), ["1", "1", "0"]);
    let again = place(&gateway, (&bearer, "k-1"), &order);
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert!(again.header("location").contains(again.json()["data"]["id"].as_str().unwrap()));
    let another = place(&gateway, (&bearer, "k-1"), &json!({ "items": [] }));
    assert_eq!((another.status, codes(&another.json())), (422, vec!["out_of_range".to_owned()]));
}

#[test]
fn a_hundred_changes_with_one_tag_let_one_through() {
    let shop = Shop::open();
    let gateway = shop.gateway();
    let bearer = bearer(&gateway);
    let made = place(&gateway, (&bearer, "k-1"), &shop.order());
    assert_eq!(made.status, 201, "{}", made.body);
    let (tag, place) = (made.header("etag"), made.header("location"));
    let headers = [("authorization", bearer.as_str()), ("if-match", tag)];
    let url = gateway.url(&format!("{place}/status"));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let one = || send_json("PATCH", &url, &headers, &json!({ "status": "confirmed" })).status;
        let all: Vec<_> = (0..100).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 99, "{statuses:?}");
    let shown = send("GET", &gateway.url(&format!("{place}?include=items")), &headers[..1], "");
    assert_eq!((&shown.json()["data"]["status"], shop.reserved()), (&json!("confirmed"), 0));
    assert_eq!(shown.json()["data"]["items"][0]["quantity"], 2);
    let refused = send_json("PATCH", &url, &headers[..1], &json!({ "status": "delivered" }));
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("illegal_transition")));
}

#[test]
fn a_gateway_that_is_killed_in_the_middle_of_an_order_leaves_none() {
    let shop = Shop::open();
    let (mut gateway, order) = (shop.gateway(), shop.order());
    let bearer = bearer(&gateway);
    assert_eq!(send("PUT", &shop.commerce.url("/faults"), &[], "hang").status, 204);
    let url = gateway.url(ORDERS);
    let (sent, line) = (order.to_string(), bearer.clone());
    let waiting = thread::spawn(move || {
        let headers = [
            ("authorization", line.as_str()),
            ("idempotency-key", "k-1"),
            ("content-type", "application/json"),
        ];
        try_send("POST", &url, &headers, &sent).is_err()
    });
    until("it asks for the goods", || (shop.counts()[2] == "1").then_some(()));
    gateway.signal("KILL");
    gateway.wait();
    assert!(waiting.join().unwrap(), "nobody answers");
    assert_eq!(shop.counts(), ["0", "0", "1"]);
    assert_eq!(send("DELETE", &shop.commerce.url("/faults"), &[], "").status, 204);
    // As much time passes as whatever was left needs to be taken up.
    shop.stage.sql("UPDATE intents SET due_at = now()");
    let survivor = shop.gateway();
    until("it is settled", || (shop.counts() == ["0", "0", "0"]).then_some(()));
    let busy = place(&survivor, (&bearer, "k-1"), &order);
    assert_eq!((busy.status, &busy.json()["code"]), (409, &json!("idempotency_in_progress")));
    shop.stage.sql("UPDATE idempotency_keys SET claimed_until = now()");
    let again = place(&survivor, (&bearer, "k-1"), &order);
    assert_eq!(again.status, 201, "{}", again.body);
    assert_eq!((shop.counts(), shop.reserved()), (["1", "1", "0"].map(str::to_owned), 2));
}
