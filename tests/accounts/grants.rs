//! Roles for single things: somebody has one in the database, and with it their tokens and keys, for this thing and no
//! other.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};

const ROUTES: &str = r#"
[routes.shop]
path = ["/api/v1/orders", "/api/v1/orders/{*rest}", "/api/v1/products/{*rest}", "/api/v1/tenants/{*rest}"]
local = "rest"
auth = "required"
api_keys = true
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:9" }]
[backends.commerce]
upstream = "commerce"
"#;
const MEMBER: &str = "member@acme.example";

/// Somebody at a gateway.
struct Somebody<'g>(&'g Gateway, String);

impl<'g> Somebody<'g> {
    fn with(gateway: &'g Gateway, token: &Value) -> Self {
        Self(gateway, format!("Bearer {}", token.as_str().unwrap()))
    }

    fn logged_in(gateway: &'g Gateway, email: &str) -> Self {
        Self::with(gateway, &Device(gateway, "phone").log_in(email)["access_token"])
    }

    fn get(&self, path: &str) -> Answer {
        send("GET", &self.0.url(&format!("/api/v1/{path}")), &[("authorization", &self.1)], "")
    }

    fn send(&self, method: &str, path: &str, document: &Value) -> Answer {
        send_json(method, &self.0.url(&format!("/api/v1/{path}")), &[("authorization", &self.1)], document)
    }

    /// What they are told when they read each of these orders and write a note on it.
    fn tries(&self, orders: &[String]) -> Vec<(u16, u16)> {
        let note = json!({ "note": "ring twice" });
        let one = |id: &String| {
            let path = format!("orders/{id}");
            (self.get(&path).status, self.send("PUT", &path, &note).status)
        };
        orders.iter().map(one).collect()
    }
}

impl Stage {
    /// Gives the member of acme a role for a thing, or takes it away.
    fn give(&self, role: &str, thing: &str) {
        self.sql(&format!(
            "INSERT INTO grants (tenant_id, user_id, role, resource)
             SELECT tenant_id, id, '{role}', '{thing}' FROM users WHERE email_key = '{MEMBER}'"
        ));
    }

    /// Orders of acme of which none is the member's: they can be changed.
    fn orders_of_others(&self) -> Vec<String> {
        let order = |offset: u8| {
            self.word(&format!(
                "SELECT orders.id::text FROM orders JOIN users ON users.tenant_id = orders.tenant_id AND users.id = user_id
                 JOIN tenants ON tenants.id = orders.tenant_id
                 WHERE slug = 'acme' AND email_key <> '{MEMBER}' AND orders.status = 'pending'
                 ORDER BY orders.id OFFSET {offset} LIMIT 1"
            ))
        };
        vec![order(0), order(1)]
    }
}

#[test]
fn a_role_for_one_order_opens_this_order_and_no_other() {
    let stage = Stage::new();
    let (orders, gateway) = (stage.orders_of_others(), stage.gateway(ROUTES));
    let before = Somebody::logged_in(&gateway, MEMBER);
    assert_eq!(before.tries(&orders), [(404, 404), (404, 404)]);
    stage.give("manager", &orders[0]);
    assert_eq!(before.tries(&orders), [(404, 404), (404, 404)], "their token says nothing of it");
    stage.give("manager", "no id");

    let phone = Device(&gateway, "phone");
    let pair = phone.log_in(MEMBER);
    let member = Somebody::with(&gateway, &pair["access_token"]);
    assert_eq!(member.tries(&orders), [(200, 200), (404, 404)]);
    let listed = member.get(&format!("orders?id[in]={}", orders.join(","))).json();
    assert_eq!(listed["data"], json!([]), "lists show all things or one's own");
    let told = phone.with(&pair["access_token"], "GET", "permissions").json();
    let rights = told["data"]["permissions"].as_array().unwrap();
    let about = |name: &str| rights.iter().find(|right| right["permission"] == name).unwrap();
    let because = format!("allowed: grant `manager for {}` says so", orders[0]);
    let things = json!([{ "id": orders[0], "reach": "all", "because": because }]);
    assert_eq!(
        (&about("orders:update")["reach"], &about("orders:update")["things"]),
        (&json!("own"), &things)
    );
    assert_eq!(about("users:delete")["things"], json!([]));

    let renewed = phone.refresh(&pair).json()["data"].clone();
    assert_eq!(Somebody::with(&gateway, &renewed["access_token"]).tries(&orders), [(200, 200), (404, 404)]);
    stage.sql("DELETE FROM grants WHERE resource <> ''");
    let renewed = phone.refresh(&renewed).json()["data"].clone();
    assert_eq!(Somebody::with(&gateway, &renewed["access_token"]).tries(&orders), [(404, 404), (404, 404)]);
    assert_eq!(Somebody::logged_in(&gateway, ADMIN).tries(&orders), [(200, 200), (200, 200)]);
}

#[test]
fn a_key_does_for_one_thing_what_its_scopes_name() {
    let stage = Stage::new();
    let (orders, gateway) = (stage.orders_of_others(), stage.gateway(ROUTES));
    stage.give("manager", &orders[0]);
    let (phone, pair) = (Device(&gateway, "phone"), Device(&gateway, "phone").log_in(MEMBER));
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let make = |scopes: &[&str]| {
        let wanted = json!({ "name": "ci", "scopes": scopes });
        phone.call("POST", "api-keys", &[("authorization", &bearer)], Some(&wanted))
    };
    let made = make(&["orders:read:own", "orders:update:own"]);
    assert_eq!(made.status, 201, "{}", made.body);
    let key = Somebody::with(&gateway, &made.json()["data"]["key"]);
    assert_eq!(key.tries(&orders), [(404, 404), (404, 404)], "it is for what is their own");
    assert_eq!(make(&["orders:update"]).status, 400, "they may not with every order");
    stage.sql("UPDATE api_keys SET scopes = ARRAY['orders:read', 'orders:update']");
    let restarted = stage.gateway(ROUTES);
    let key = Somebody::with(&restarted, &made.json()["data"]["key"]);
    assert_eq!(
        key.tries(&orders),
        [(200, 200), (404, 404)],
        "what is granted later is theirs by the key too"
    );
}

#[test]
fn no_role_for_a_thing_reaches_tenants_and_products_of_others() {
    let stage = Stage::new();
    let gateway = stage.gateway(ROUTES);
    let tenant = |slug: &str| stage.word(&format!("SELECT id::text FROM tenants WHERE slug = '{slug}'"));
    let product = |slug: &str| {
        stage.word(&format!(
            "SELECT products.id::text FROM products JOIN tenants ON tenants.id = tenant_id
             WHERE slug = '{slug}' AND products.status <> 'archived' ORDER BY products.id LIMIT 1"
        ))
    };
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let (own, of_others) = (product("acme"), product("globex"));
    for thing in [&acme, &globex, &own, &of_others] {
        stage.give("platform_admin", thing);
    }
    let member = Somebody::logged_in(&gateway, MEMBER);
    for tenant in [&acme, &globex] {
        assert_eq!(code(&member.get(&format!("tenants/{tenant}"))), (404, "not_found".to_owned()));
    }
    let there = format!("products/{of_others}?tenant_id={globex}");
    assert_eq!(code(&member.get(&there)), (404, "not_found".to_owned()));
    assert_eq!(code(&member.get(&format!("products/{of_others}"))), (404, "not_found".to_owned()));
    let erase = |id: &str| member.send("DELETE", &format!("products/{id}"), &json!({})).status;
    assert_eq!((erase(&of_others), erase(&own)), (404, 204));
}
