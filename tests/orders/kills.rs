//! Running gateways are killed at every step of an order: there is one or there is none, its goods are held or nothing
//! is, and its events are there once. Whoever sends the request again gets the one order.

use std::thread;

use serde_json::{Value, json};

use crate::gateways::Keys;
use crate::points::{Change, Held, Point};
use crate::sockets::{ORDERS, Shop, bearer, one};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, get, try_send};
use crate::support::wait::until;

const fn insert(table: &'static str) -> Change {
    Change { event: "INSERT", table, when: "true" }
}

const KEY_KEPT: Change =
    Change { event: "UPDATE", table: "idempotency_keys", when: "NEW.status IS NOT NULL" };
const INTENT_ENDED: Change = Change { event: "DELETE", table: "intents", when: "true" };
const TOUCHED: Change = Change { event: "UPDATE", table: "orders", when: "NEW.status = OLD.status" };
const MOVED: Change = Change { event: "UPDATE", table: "orders", when: "NEW.status <> OLD.status" };

/// The steps of placing an order, and whether it is placed by a gateway that is killed there.
const PLACING: &[(Point, bool)] = &[
    (Point::Write(insert("idempotency_keys")), false),
    (Point::Lost(insert("idempotency_keys")), false),
    (Point::Commit(insert("idempotency_keys")), false),
    (Point::Write(insert("intents")), false),
    (Point::Lost(insert("intents")), false),
    (Point::Commit(insert("intents")), false),
    (Point::Ask, false),
    // From here on its goods are held.
    (Point::Write(INTENT_ENDED), false),
    (Point::Write(insert("orders")), false),
    (Point::Write(insert("order_items")), false),
    (Point::Write(insert("audit_log")), false),
    (Point::Write(insert("outbox")), false),
    (Point::Write(KEY_KEPT), false),
    (Point::Lost(insert("orders")), false),
    (Point::Commit(insert("orders")), true),
];

/// What a gateway leaves that is killed while it confirms an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The job goes on with it.
    Intent,
    Confirmed,
}

/// The steps of a confirmation, and what is left there.
const CONFIRMING: &[(Point, Left)] = &[
    (Point::Commit(insert("idempotency_keys")), Left::Nothing),
    (Point::Write(insert("intents")), Left::Nothing),
    (Point::Write(TOUCHED), Left::Nothing),
    (Point::Lost(insert("intents")), Left::Nothing),
    (Point::Commit(insert("intents")), Left::Intent),
    (Point::Ask, Left::Intent),
    // From here on its goods are gone.
    (Point::Write(INTENT_ENDED), Left::Intent),
    (Point::Write(MOVED), Left::Intent),
    (Point::Write(insert("audit_log")), Left::Intent),
    (Point::Write(insert("outbox")), Left::Intent),
    (Point::Write(KEY_KEPT), Left::Intent),
    (Point::Lost(MOVED), Left::Intent),
    (Point::Commit(MOVED), Left::Confirmed),
];

/// What is wrong with the orders of these tests: one that is not of its items, events and entries of the audit log that
/// are missing, too many, or of no order.
const FLAWS: &str = "
    WITH made AS (SELECT * FROM orders WHERE note LIKE 'kill-%'),
    due AS (
        SELECT 'order.created' AS what, id::text AS id FROM made
        UNION ALL SELECT 'order.status_changed', id::text FROM made WHERE status = 'confirmed'),
    told AS (SELECT topic, key FROM outbox WHERE topic LIKE 'order.%'),
    noted AS (SELECT action, split_part(subject, '/', 2) FROM audit_log WHERE action LIKE 'order.%'),
    flaws AS (
        SELECT 'not whole' AS flaw, status AS what, id::text AS id FROM made
        WHERE status NOT IN ('pending', 'confirmed') OR total IS DISTINCT FROM (
            SELECT sum(quantity * price) FROM order_items AS item
            WHERE item.tenant_id = made.tenant_id AND item.order_id = made.id)
        UNION ALL SELECT 'not told', * FROM (SELECT * FROM due EXCEPT ALL SELECT * FROM told) AS missing
        UNION ALL SELECT 'told', * FROM (SELECT * FROM told EXCEPT ALL SELECT * FROM due) AS spare
        UNION ALL SELECT 'not noted', * FROM (SELECT * FROM due EXCEPT ALL SELECT * FROM noted) AS missing
        UNION ALL SELECT 'noted', * FROM (SELECT * FROM noted EXCEPT ALL SELECT * FROM due) AS spare)
    SELECT coalesce(string_agg(concat_ws(' ', flaw, what, id), '; '), '') FROM flaws";

impl Shop {
    /// A gateway whose statements may wait. Goods are held for so long.
    fn patient_gateway(&self, ttl: &str) -> Gateway {
        let (postgres, route) = ("statement_timeout = \"60s\"", &*self.settings(ttl));
        self.stage.gateway_with(&Keys { postgres, route, ..Keys::default() })
    }

    fn word(&self, sql: &str) -> String {
        one(&self.stage, sql)
    }

    /// Fails where an order, its events or its entries of the audit log are not as they belong together.
    #[track_caller]
    fn assert_whole(&self, point: Point) {
        assert_eq!(self.word(FLAWS), "", "{point:?}");
    }

    /// How many orders there are with a note, and how many of those are confirmed.
    fn orders(&self, note: &str) -> [String; 2] {
        ["true", "status = 'confirmed'"].map(|which| {
            self.word(&format!("SELECT count(*)::text FROM orders WHERE note = '{note}' AND {which}"))
        })
    }

    /// The orders with which something was begun and is not over.
    fn begun(&self) -> Vec<String> {
        let all = self.word("SELECT coalesce(string_agg(subject::text, ' '), '') FROM intents");
        all.split_whitespace().map(str::to_owned).collect()
    }

    /// Lets as much time pass as whatever was left behind needs to be taken up.
    fn time_passes(&self) {
        self.stage.sql(
            "UPDATE intents SET due_at = now() - interval '1 second';
             UPDATE idempotency_keys SET claimed_until = now() - interval '1 second' WHERE status IS NULL",
        );
    }

    fn until_settled(&self) {
        until("what was begun is over", || self.begun().is_empty().then_some(()));
    }

    /// How many of the product are on the shelf, and how many of those are held.
    fn stock(&self) -> (u64, u64) {
        let level = get(&self.commerce.url(&format!("/stock/{}", self.product))).json();
        (level["on_hand"].as_u64().unwrap(), level["reserved"].as_u64().unwrap())
    }

    /// How the reservation of an order is, as the commerce service says.
    fn reservation(&self, order: &str) -> String {
        let found = get(&self.commerce.url(&format!("/reservations/{order}"))).json();
        found["state"].as_str().unwrap_or("none").to_owned()
    }
}

/// A request that may be sent again.
struct Request<'r> {
    bearer: &'r str,
    method: &'r str,
    path: String,
    key: &'r str,
    document: Value,
}

impl<'r> Request<'r> {
    /// For an order of two with a note, which is its key too.
    fn to_place(shop: &Shop, bearer: &'r str, note: &'r str) -> Self {
        let items = json!([{ "product_id": shop.product, "quantity": 2 }]);
        let document = json!({ "items": items, "note": note });
        Self { bearer, method: "POST", path: ORDERS.to_owned(), key: note, document }
    }

    fn to_confirm(bearer: &'r str, order: &str, key: &'r str) -> Self {
        let (path, document) = (format!("{ORDERS}/{order}/status"), json!({ "status": "confirmed" }));
        Self { bearer, method: "PATCH", path, key, document }
    }

    fn send(&self, url: &str) -> Result<Answer, ureq::Error> {
        let headers = [
            ("authorization", self.bearer),
            ("idempotency-key", self.key),
            ("content-type", "application/json"),
        ];
        try_send(self.method, url, &headers, &self.document.to_string())
    }

    /// Sends it to a gateway that is killed at a point of it.
    fn die_at(&self, shop: &Shop, mut gateway: Gateway, point: Point) {
        let (held, url) = (Held::at(shop, point), gateway.url(&self.path));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| self.send(&url).is_err());
            held.until_reached();
            gateway.signal("KILL");
            gateway.wait();
            assert!(waiting.join().unwrap(), "nobody answers: {point:?}");
        });
        held.release();
    }

    /// Sends it again and again, as long as somebody is said to be at it.
    fn insist(&self, gateway: &Gateway) -> Answer {
        until("an answer", || {
            let answer = self.send(&gateway.url(&self.path)).unwrap();
            let is_busy = answer.status == 409
                && ["idempotency_in_progress", "order_busy"]
                    .iter()
                    .any(|code| answer.json()["code"] == *code);
            (!is_busy).then_some(answer)
        })
    }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["data"]["id"].as_str().unwrap().to_owned()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == "true"
}

#[test]
fn a_gateway_that_is_killed_at_any_step_of_placing_leaves_one_order_or_none() {
    let shop = Shop::open();
    let (shelf, mut gateway) = (shop.stock().0, shop.patient_gateway("15m"));
    let bearer = bearer(&gateway);
    for (&(point, is_placed), number) in PLACING.iter().zip(1..) {
        let note = format!("kill-{number}");
        let request = Request::to_place(&shop, &bearer, &note);
        request.die_at(&shop, gateway, point);
        shop.assert_whole(point);
        assert_eq!(shop.orders(&note)[0], u8::from(is_placed).to_string(), "{point:?}");
        let given_up = shop.begun();
        shop.time_passes();
        gateway = shop.patient_gateway("15m");
        let answer = request.insist(&gateway);
        let id = id_of(&answer);
        assert_eq!(is_replayed(&answer), is_placed, "{point:?}");
        shop.until_settled();
        shop.assert_whole(point);
        assert_eq!(shop.orders(&note), ["1", "0"], "{point:?}");
        assert_eq!(shop.reservation(&id), "held", "{point:?}");
        for other in given_up {
            assert_eq!(shop.reservation(&other), "none", "{point:?}");
        }
        assert_eq!(shop.stock(), (shelf, 2 * number), "{point:?}");
    }
}

#[test]
fn a_gateway_that_is_killed_at_any_step_of_a_confirmation_leaves_it_done_or_not_begun() {
    let shop = Shop::open();
    let (shelf, mut gateway) = (shop.stock().0, shop.patient_gateway("15m"));
    let bearer = bearer(&gateway);
    for (&(point, left), number) in CONFIRMING.iter().zip(1..) {
        let note = format!("kill-{number}");
        let order = id_of(&Request::to_place(&shop, &bearer, &note).insist(&gateway));
        let key = format!("confirm-{number}");
        let request = Request::to_confirm(&bearer, &order, &key);
        request.die_at(&shop, gateway, point);
        shop.assert_whole(point);
        let confirmed = u8::from(left == Left::Confirmed).to_string();
        assert_eq!(shop.orders(&note), ["1".to_owned(), confirmed], "{point:?}");
        let begun = if left == Left::Intent { vec![order.clone()] } else { Vec::new() };
        assert_eq!(shop.begun(), begun, "{point:?}");
        shop.time_passes();
        gateway = shop.patient_gateway("15m");
        let answer = request.insist(&gateway);
        let expected = match left {
            // Of what was begun the key tells whose it was, whoever goes on with it.
            Left::Nothing | Left::Intent => (200, json!(null), false),
            Left::Confirmed => (200, json!(null), true),
        };
        let seen = (answer.status, answer.json()["code"].clone(), is_replayed(&answer));
        assert_eq!(seen, expected, "{point:?}: {}", answer.body);
        shop.until_settled();
        shop.assert_whole(point);
        assert_eq!(shop.orders(&note), ["1", "1"], "{point:?}");
        assert_eq!(shop.reservation(&order), "committed", "{point:?}");
        assert_eq!(shop.stock(), (shelf - 2 * number, 0), "{point:?}");
    }
}

#[test]
fn what_a_killed_gateway_held_is_free_after_its_time_even_if_nobody_gives_it_back() {
    let shop = Shop::open();
    let (shelf, gateway) = (shop.stock().0, shop.patient_gateway("1s"));
    let (bearer, point) = (bearer(&gateway), Point::Write(INTENT_ENDED));
    let request = Request::to_place(&shop, &bearer, "kill-1");
    request.die_at(&shop, gateway, point);
    let begun = shop.begun();
    assert_eq!(begun.len(), 1, "{begun:?}");
    until("its time is over", || (shop.reservation(&begun[0]) == "expired").then_some(()));
    assert_eq!(shop.stock(), (shelf, 0));
    shop.time_passes();
    let gateway = shop.patient_gateway("15m");
    let id = id_of(&request.insist(&gateway));
    shop.until_settled();
    shop.assert_whole(point);
    assert_eq!((shop.reservation(&begun[0]).as_str(), shop.reservation(&id).as_str()), ("none", "held"));
    assert_eq!(shop.stock(), (shelf, 2));
}
