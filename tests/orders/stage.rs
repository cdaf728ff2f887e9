//! Orders in memory, against a real database and a real commerce service.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use http::HeaderMap;
use olympus_gateway::backends::{Backend, Commerce, Origin};
use olympus_gateway::config::{self, Settings};
use olympus_gateway::domain::{Onces, Orders, Outcome, Render, Stock, Terms, Visit};
use olympus_gateway::error::Result;
use olympus_gateway::http::{RequestId, TraceContext};
use olympus_gateway::identity::{Authenticator, Caller, Policy};
use olympus_gateway::model::{
    Money, NewTenant, NewUser, OnceKey, Order, OrderId, OrderStatus, ProductDraft, ProductId, ProductStatus,
    RequestDigests, StoredAnswer, TenantId, UserId, WantedItem, WantedOrder,
};
use olympus_gateway::store::{Store, Work};
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{Metrics, Tokens};
use olympus_gateway::upstream::Pool;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::postgres::Database;
use crate::support::http::{get, send};
use crate::support::process::Process;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A shop with a product that many are left of.
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) product: ProductId,
    pub(crate) terms: Arc<Terms>,
    pub(crate) caller: Arc<Caller>,
    commerce: Process,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::holding("15m").await
    }

    /// The same where goods are held for so long.
    pub(crate) async fn holding(ttl: &str) -> Self {
        let (database, commerce) = (Database::new().await, Process::example("commerce", "commerce-1", &[]));
        let store = database.store();
        let tenant = &NewTenant { id: TenantId::new(), slug: "acme".to_owned(), name: "Acme".to_owned() };
        store.platform().run(|work| async move { work.tenants().create(tenant).await }).await.unwrap();
        let (user, product) = (UserId::new(), ProductId::new());
        let make = |work: Work| async move {
            let new = NewUser { id: user, email: "ada@shop.example".to_owned(), name: "Ada".to_owned() };
            work.users().create(&new).await?;
            work.products().create(product, &draft("EUR", ProductStatus::Active)).await
        };
        store.tenant(tenant.id).run(make).await.unwrap();
        let terms = terms(&commerce, ttl);
        let caller = caller((tenant.id, user), "manager");
        Self { database, store, tenant: tenant.id, user, product, terms, caller, commerce }
    }

    /// Somebody else of the tenant, who is no user.
    pub(crate) fn caller_as(&self, role: &str) -> Arc<Caller> {
        caller((self.tenant, UserId::new()), role)
    }

    /// The user who orders, with this role only.
    pub(crate) fn buyer_as(&self, role: &str) -> Arc<Caller> {
        caller((self.tenant, self.user), role)
    }

    /// What an instance does with orders.
    pub(crate) fn orders(&self) -> Orders {
        Orders::new(self.store.clone())
    }

    /// Another product.
    pub(crate) async fn another(&self, currency: &str, status: ProductStatus) -> ProductId {
        let (id, draft) = (ProductId::new(), &draft(currency, status));
        let make = |work: Work| async move { work.products().create(id, draft).await };
        self.store.tenant(self.tenant).run(make).await.unwrap().id
    }

    /// An order of so many of a product.
    pub(crate) fn wanted(&self, quantity: i32) -> WantedOrder {
        let item = WantedItem { product: self.product, quantity };
        WantedOrder { user: None, items: vec![item], note: None, shipping_address: None }
    }

    /// Places an order of two under a key, by an instance that lives as long as the lifecycle.
    pub(crate) async fn place_once(&self, orders: Orders, lifecycle: &Lifecycle) -> Result<Outcome<Order>> {
        let (caller, terms, wanted) = (self.caller.clone(), self.terms.clone(), self.wanted(2));
        let place =
            move |once| async move { orders.place(&caller, &terms, &wanted, (&visit(), &once)).await };
        let caller = self.caller.subject.to_string();
        let key = OnceKey { tenant: self.tenant, caller, key: "k".to_owned(), request: request() };
        let onces = Onces::new(self.store.clone(), lifecycle.clone());
        onces.run(Some(key), (DAY, DAY), render(), place).await
    }

    /// A row of the database, as its superuser sees it: the only value.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.database.connect("postgres").await.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn sql(&self, sql: &str) {
        self.database.connect("postgres").await.batch_execute(sql).await.unwrap();
    }

    /// Lets as much time pass as whatever was left behind needs to be taken up.
    pub(crate) async fn time_passes(&self) {
        self.sql(
            "UPDATE intents SET due_at = now() - interval '1 second';
             UPDATE idempotency_keys SET claimed_until = now() - interval '1 second' WHERE status IS NULL",
        )
        .await;
    }

    /// How many of the product are on the shelf, and how many of those are held.
    pub(crate) fn stock(&self) -> (u64, u64) {
        let level = get(&self.commerce.url(&format!("/stock/{}", self.product))).json();
        (level["on_hand"].as_u64().unwrap(), level["reserved"].as_u64().unwrap())
    }

    /// How a reservation is, or `none`.
    pub(crate) fn reservation(&self, order: OrderId) -> String {
        let found = get(&self.commerce.url(&format!("/reservations/{order}")));
        found.json()["state"].as_str().unwrap_or("none").to_owned()
    }

    /// Makes the commerce service fail from now on, or no longer.
    pub(crate) fn fault(&self, words: &str) {
        let method = if words.is_empty() { "DELETE" } else { "PUT" };
        assert!(send(method, &self.commerce.url("/faults"), &[], words).status < 300);
    }

    /// The topics of all events, in their order.
    pub(crate) async fn events(&self) -> Vec<String> {
        let client = self.database.connect("postgres").await;
        let rows = client.query("SELECT topic FROM outbox ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What there is: orders, events of them, and intents.
    pub(crate) async fn counts(&self) -> [i64; 3] {
        [
            self.number("SELECT count(*) FROM orders").await,
            self.number("SELECT count(*) FROM outbox JOIN orders ON orders.id::text = outbox.key").await,
            self.number("SELECT count(*) FROM intents").await,
        ]
    }

    pub(crate) async fn status(&self, id: OrderId) -> OrderStatus {
        let get = |work: Work| async move { work.orders().get(id).await };
        self.store.tenant(self.tenant).run(get).await.unwrap().status
    }
}

fn caller((tenant, user): (TenantId, UserId), role: &str) -> Arc<Caller> {
    let policy = Arc::new(Policy::compile(&config::Policy::default()));
    let caller = Caller::new(tenant, &user.to_string(), &[role], Utc::now() + TimeDelta::hours(1));
    Arc::new(caller.ruled_by(&policy, &[]))
}

fn draft(currency: &str, status: ProductStatus) -> ProductDraft {
    ProductDraft {
        sku: ProductId::new().to_string(),
        name: "Lamp".to_owned(),
        description: String::new(),
        price: Money { minor: 1999, currency: currency.to_owned() },
        stock: 0,
        status,
    }
}

fn terms(commerce: &Process, ttl: &str) -> Arc<Terms> {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let text = format!(
        "version = 1\nlisteners = {{ public = {{ address = \"127.0.0.1:8080\" }} }}\n\
         [upstreams.commerce]\nendpoints = [{{ address = \"{}\" }}]\n[upstreams.commerce.outlier]\n\
         consecutive_failures = 1000\n[upstreams.commerce.breaker]\nmin_requests = 1000\n\
         [backends.commerce]\nupstream = \"commerce\"\ntimeout = \"2s\"\nreservation_ttl = \"{ttl}\"\n",
        commerce.address()
    );
    let settings: Settings = toml::from_str(&text).unwrap();
    let pool = Arc::new(Pool::new("commerce", &settings.upstreams["commerce"], Instant::now()));
    let backend = Backend::new(pool, Arc::new(Metrics::new())).unwrap();
    let stock = Stock::new(&settings, Some(Commerce::new(backend)));
    let identity = Arc::new(Authenticator::new(&settings, Tokens::default()).unwrap());
    Arc::new(Terms::new(&settings, identity, None, stock).unwrap())
}

/// A request that has time.
pub(crate) fn visit() -> Visit {
    let headers = HeaderMap::new();
    let (id, trace) = (RequestId::of(&headers), TraceContext::of(&headers));
    let origin = Origin { id, trace, client: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    Visit::new(origin, "test", Instant::now() + Duration::from_secs(30))
}

pub(crate) fn lifecycle() -> Lifecycle {
    Lifecycle::new(Handle::current())
}

/// What is asked for, which tests have digested by one key.
pub(crate) fn request() -> RequestDigests {
    RequestDigests::of(vec![[1; 36]]).unwrap()
}

fn render() -> Render<Order> {
    Arc::new(|order: &Order| {
        Ok(StoredAnswer { status: 201, headers: Vec::new(), body: order.id.to_string().into_bytes() })
    })
}

/// The id in a kept answer.
pub(crate) fn id_in(answer: &StoredAnswer) -> OrderId {
    std::str::from_utf8(&answer.body).unwrap().parse().unwrap()
}

/// The id of the order, made now or before.
pub(crate) fn id_of(outcome: &Outcome<Order>) -> OrderId {
    match outcome {
        Outcome::Done(order) => order.id,
        Outcome::Repeated(answer) => id_in(answer),
        Outcome::InProgress | Outcome::Mismatch => panic!("{outcome:?}"),
    }
}

/// The codes of a document's faults.
pub(crate) fn codes(document: &Value) -> Vec<String> {
    let faults = document["errors"].as_array().cloned().unwrap_or_default();
    faults.iter().map(|fault| fault["code"].as_str().unwrap_or_default().to_owned()).collect()
}
