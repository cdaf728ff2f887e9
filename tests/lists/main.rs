//! Lists and things over REST, through the pipeline in memory and against a real Postgres: what may be asked, what
//! comes back, and that walks miss nothing.

#![cfg(test)]
#![recursion_limit = "256"]

mod caching;
mod cursors;
mod images;
#[expect(dead_code, unreachable_pub, reason = "made for tests of the store, which use more of it")]
#[path = "../support/postgres.rs"]
mod postgres;
mod products;
mod queries;
#[expect(dead_code, reason = "made for tests of tenancy, which use more of it")]
#[path = "../tenancy/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod walks;

use http::Method;
use olympus_gateway::model::TenantId;
use serde_json::{Value, json};

use self::postgres::Database;
use self::stage::{Asking, Seen, Stage};
use self::support::folder::Folder;

const PRODUCTS: &str = "/api/v1/products";

/// A gateway with a tenant and a manager of it.
struct Shop {
    database: Database,
    stage: Stage,
    tenant: TenantId,
    token: String,
    _keys: Folder,
}

impl Shop {
    async fn open() -> Self {
        let (database, keys) = (Database::new().await, stage::keys());
        let stage = Stage::new(&database, &keys).await;
        let tenant = stage::tenant(&stage.store, "acme").await;
        let token = stage.token(tenant, "mia", "manager");
        Self { database, stage, tenant, token, _keys: keys }
    }

    async fn get(&self, path: &str) -> Seen {
        self.stage.get(path, &self.token).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        document: Option<Value>,
    ) -> Seen {
        self.stage.ask_with(Asking(method, path, &self.token), headers, document).await
    }

    /// A new product, and its path.
    async fn product(&self, document: Value) -> (Seen, String) {
        let made = self.call(Method::POST, PRODUCTS, &[], Some(document)).await;
        assert_eq!(made.word(), "201", "{made:?}");
        let place = made.headers["location"].to_str().unwrap().to_owned();
        (made, place)
    }
}

/// What is said of a product.
fn lamp(sku: &str, amount: &str, currency: &str) -> Value {
    let price = json!({ "amount": amount, "currency": currency });
    json!({ "sku": sku, "name": format!("Lamp {sku}"), "price": price, "stock": 3, "status": "active" })
}

/// A member of every item of a page.
fn column<'a>(page: &'a Seen, name: &str) -> Vec<&'a str> {
    let items = page.document["data"].as_array().unwrap_or_else(|| panic!("no page: {page:?}"));
    items.iter().map(|item| item[name].as_str().unwrap()).collect()
}

/// Where the faults of a problem are, with their codes.
fn faults(seen: &Seen) -> Vec<(String, String)> {
    let text = |fault: &Value, name: &str| fault[name].as_str().map(str::to_owned);
    let errors = seen.document["errors"].as_array().cloned().unwrap_or_default();
    let place = |fault: &Value| text(fault, "pointer").or_else(|| text(fault, "parameter"));
    errors.iter().map(|fault| (place(fault).unwrap(), text(fault, "code").unwrap())).collect()
}
