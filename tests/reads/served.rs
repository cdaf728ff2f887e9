//! Things that are read from memory through running gateways, and changed in every way there is.

use serde_json::{Value, json};

use crate::stage::{ADMIN, Device, PASSWORD, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};
use crate::support::process::Process;
use crate::support::wait::until;

const HIT: &str = "olympus; hit";

/// Demo tenants with a commerce service.
struct Shop {
    stage: Stage,
    commerce: Process,
}

impl Shop {
    fn open() -> Self {
        Self { stage: Stage::new(), commerce: Process::example("commerce", "commerce-1", &[]) }
    }

    /// One that keeps what it reads for longer than any test takes.
    fn gateway(&self) -> Gateway {
        self.stage.gateway(&format!(
            r#"
[cache]
ttl = "1h"
[upstreams.commerce]
endpoints = [{{ address = "{}" }}]
[backends.commerce]
upstream = "commerce"
timeout = "2s"
[routes.things]
path = ["/api/v1/orders", "/api/v1/orders/{{*rest}}", "/api/v1/users", "/api/v1/users/{{*rest}}"]
local = "rest"
auth = "required"
"#,
            self.commerce.address()
        ))
    }
}

/// Somebody at a gateway.
struct Reader<'g>(&'g Gateway, String);

impl<'g> Reader<'g> {
    fn of(gateway: &'g Gateway, tenant: &str, email: &str) -> Self {
        let pair = Device(gateway, "test").try_log_in(tenant, email, PASSWORD).json();
        Self(gateway, format!("Bearer {}", pair["data"]["access_token"].as_str().unwrap()))
    }

    fn call(&self, (method, path): (&str, &str), more: &[(&str, &str)], document: Option<&Value>) -> Answer {
        let headers = [&[("authorization", self.1.as_str())], more].concat();
        match document {
            Some(document) => send_json(method, &self.0.url(path), &headers, document),
            None => send(method, &self.0.url(path), &headers, ""),
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.call(("GET", path), &[], None)
    }

    /// What is in memory, which it is as soon as the gateway hears of changes elsewhere.
    fn kept(&self, path: &str) -> Value {
        until("it is in memory", || {
            let seen = self.get(path);
            assert_eq!(seen.status, 200, "{path}: {}", seen.body);
            (seen.header("cache-status") == HIT).then(|| seen.json()["data"].clone())
        })
    }

    /// Waits until this is told of it.
    fn until(&self, path: &str, (member, value): (&str, &str)) {
        until(&format!("{path} shows {value}"), || {
            (self.get(path).json()["data"][member] == value).then_some(())
        });
    }
}

#[test]
fn an_order_is_read_from_memory_until_somebody_or_the_job_moves_it_on() {
    let shop = Shop::open();
    let (one, other) = (shop.gateway(), shop.gateway());
    let (one, other) = (Reader::of(&one, "acme", ADMIN), Reader::of(&other, "acme", ADMIN));
    let product = shop.stage.word("SELECT id::text FROM products WHERE sku = 'AC-0001'");
    let wanted = json!({ "items": [{ "product_id": product, "quantity": 2 }] });
    let placed = one.call(("POST", "/api/v1/orders"), &[], Some(&wanted));
    assert_eq!(placed.status, 201, "{}", placed.body);
    let place = placed.header("location").to_owned();
    let whole = format!("{place}?include=items");
    for reader in [&one, &other] {
        assert_eq!(reader.kept(&place)["items"], json!(null));
        assert_eq!(reader.kept(&whole)["items"][0]["quantity"], 2);
    }

    let note = json!({ "note": "ring twice" });
    let changed = one.call(("PUT", &place), &[], Some(&note));
    assert_eq!(changed.status, 200, "{}", changed.body);
    for path in [&place, &whole] {
        assert_eq!(one.get(path).json()["data"]["note"], "ring twice", "at once, where it was changed");
        other.until(path, ("note", "ring twice"));
    }
    for reader in [&one, &other] {
        reader.kept(&place);
    }

    // The goods cannot be let go now; the job confirms it when they can.
    let faults = shop.commerce.url("/faults");
    assert_eq!(send("PUT", &faults, &[], "status=503").status, 204);
    let status = format!("{place}/status");
    let confirm = json!({ "status": "confirmed" });
    let left = one.call(("PATCH", &status), &[], Some(&confirm));
    assert_eq!(left.status / 100, 5, "{}", left.body);
    assert_eq!(other.kept(&place)["status"], "pending");
    assert_eq!(send("DELETE", &faults, &[], "").status, 204);
    shop.stage.sql("UPDATE intents SET due_at = now()");
    for reader in [&one, &other] {
        reader.until(&place, ("status", "confirmed"));
        reader.until(&whole, ("status", "confirmed"));
    }

    // Changes ask the database what is there, whatever is in memory.
    let tag = one.get(&place).header("etag").to_owned();
    for known in [tag.as_str(), "*"] {
        let paid = json!({ "status": "paid" });
        let refused = other.call(("PATCH", &status), &[("if-none-match", known)], Some(&paid));
        assert_eq!(code(&refused), (412, "precondition_failed".to_owned()), "{known}");
        let refused = other.call(("PUT", &place), &[("if-none-match", known)], Some(&note));
        assert_eq!(code(&refused), (412, "precondition_failed".to_owned()), "{known}");
    }
}

#[test]
fn an_order_in_memory_is_shown_to_nobody_who_may_not_see_it() {
    let shop = Shop::open();
    let gateway = shop.gateway();
    let admin = Reader::of(&gateway, "acme", ADMIN);
    let product = shop.stage.word("SELECT id::text FROM products WHERE sku = 'AC-0001'");
    let wanted = json!({ "items": [{ "product_id": product, "quantity": 1 }] });
    let placed = admin.call(("POST", "/api/v1/orders"), &[], Some(&wanted));
    assert_eq!(placed.status, 201, "{}", placed.body);
    let place = placed.header("location");
    admin.kept(place);
    for (tenant, email) in [("acme", "viewer@acme.example"), ("globex", "admin@globex.example")] {
        let refused = Reader::of(&gateway, tenant, email).get(place);
        assert_eq!(code(&refused), (404, "not_found".to_owned()), "{email}");
        assert_eq!(refused.header("cache-status"), "", "nor told that it is in memory");
    }
    admin.kept(place);
}

#[test]
fn a_user_is_read_from_memory_until_anything_of_them_is_changed() {
    let shop = Shop::open();
    let (one, other) = (shop.gateway(), shop.gateway());
    let (one, other) = (Reader::of(&one, "acme", ADMIN), Reader::of(&other, "acme", ADMIN));
    let new =
        json!({ "email": "ada@acme.example", "name": "Ada", "roles": ["member"], "password": PASSWORD });
    let made = one.call(("POST", "/api/v1/users"), &[], Some(&new));
    assert_eq!(made.status, 201, "{}", made.body);
    let (place, mut whole) = (made.header("location").to_owned(), made.json()["data"].clone());
    for (member, value) in [
        ("name", json!("Lovelace")),
        ("email", json!("lovelace@acme.example")),
        ("roles", json!(["viewer"])),
        ("status", json!("suspended")),
    ] {
        for reader in [&one, &other] {
            assert_eq!(reader.kept(&place), whole, "{member}");
        }
        whole[member] = value;
        let changed = one.call(("PUT", &place), &[], Some(&whole));
        assert_eq!(changed.status, 200, "{}", changed.body);
        whole = changed.json()["data"].clone();
        assert_eq!(one.get(&place).json()["data"], whole, "at once, where it was changed");
        until("the other shows it", || (other.get(&place).json()["data"] == whole).then_some(()));
    }
    for reader in [&one, &other] {
        reader.kept(&place);
    }
    assert_eq!(one.call(("DELETE", &place), &[], None).status, 204);
    assert_eq!(one.get(&place).status, 404);
    until("the other shows nobody", || (other.get(&place).status == 404).then_some(()));
}
