//! A gateway in memory with a real database: its routers behind its pipeline, and tokens of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use chrono::{TimeDelta, Utc};
use http::{HeaderMap, Method, Request, StatusCode};
use olympus_gateway::config::{Algorithm, Settings};
use olympus_gateway::domain::{ApiKeys, Images, Onces, Orders, Products, Tenants, Users};
use olympus_gateway::http::Connection;
use olympus_gateway::identity::{Authenticator, Feed, Issuance, KeyRing, Revocations, Sources, new_key};
use olympus_gateway::limits::Limiter;
use olympus_gateway::model::{NewTenant, NewUser, TenantId, UserId};
use olympus_gateway::pipeline::{Admission, Locals, Pipeline, Snapshot};
use olympus_gateway::rest;
use olympus_gateway::store::{Store, Work};
use olympus_gateway::tasks::Lifecycle;
use olympus_gateway::telemetry::{LimitMetrics, RevocationMetrics, Tokens};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::postgres::{Database, PATIENCE};
use super::support::folder::Folder;

/// Routes, and the limits that tenants may have of their own.
pub(crate) const ROUTES: &str = r#"
[limits.default]
key = ["tenant"]
rate = "100/s"
burst = 200
cost = 2
[limits.address]
key = ["ip"]
rate = "100/s"
[rest]
count_cap = 30
[routes.tenants]
path = ["/api/v1/tenants", "/api/v1/tenants/{*rest}"]
local = "rest"
auth = "required"
api_keys = true
[routes.api]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "required"
api_keys = true
[routes.keys]
path = ["/api/v1/auth/api-keys", "/api/v1/auth/api-keys/{*rest}"]
local = "auth"
auth = "required"
api_keys = true
limits = ["default"]
[routes.tokens-only]
path = "/tokens-only"
local = "rest"
auth = "required"
"#;

/// Routes of what a gateway serves with backends only; here nobody asks those.
const FURTHER: &str = r#"
[routes.lists]
path = ["/api/v1/orders", "/api/v1/users"]
local = "rest"
auth = "required"
"#;

/// A gateway.
pub(crate) struct Stage {
    pipeline: Pipeline,
    pub(crate) identity: Arc<Authenticator>,
    _lifecycle: Lifecycle,
    pub(crate) store: Store,
    pub(crate) feed: Feed,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) tag: String,
    /// What `RateLimit-Policy` says.
    pub(crate) limits: String,
    pub(crate) headers: HeaderMap,
    pub(crate) document: Value,
}

impl Seen {
    /// Its status, and the code where it is a problem.
    pub(crate) fn word(&self) -> String {
        let code = self.document["code"].as_str().unwrap_or_default();
        format!("{} {code}", self.status.as_u16()).trim_end().to_owned()
    }
}

/// A request of somebody with a token or a key.
pub(crate) struct Asking<'a>(pub(crate) Method, pub(crate) &'a str, pub(crate) &'a str);

impl Stage {
    pub(crate) async fn new(database: &Database, keys: &Folder) -> Self {
        Self::on(database.store(), keys).await
    }

    pub(crate) async fn on(store: Store, keys: &Folder) -> Self {
        Self::with(Products::new(store.clone()), store, keys).await
    }

    /// One that serves these products.
    pub(crate) async fn with(products: Products, store: Store, keys: &Folder) -> Self {
        store.watch();
        let settings = format!(
            "version = 1\nlisteners = {{ public = {{ address = \"127.0.0.1:8080\" }} }}\n\
             [auth]\nkeys_dir = {:?}\n{ROUTES}{FURTHER}",
            keys.file("")
        );
        let settings: Settings = toml::from_str(&settings).unwrap();
        let revocations = Arc::new(Revocations::default());
        let lifecycle = Lifecycle::new(Handle::current());
        let feed = Feed::new(Sources {
            store: store.clone(),
            redis: None,
            revocations: revocations.clone(),
            lifecycle: lifecycle.clone(),
            metrics: RevocationMetrics::default(),
        });
        let limiter = Arc::new(Limiter::alone(LimitMetrics::new()));
        let adopting = limiter.clone();
        feed.start(move |standings| adopting.overrides.adopt(standings)).unwrap();
        let ring = Arc::new(KeyRing::new(store.clone(), revocations.clone()));
        ring.start(&lifecycle);
        let identity = Authenticator::new(&settings, Tokens::default()).unwrap();
        let identity = Arc::new(identity.with_revocations(revocations).with_keys(ring));
        let snapshot =
            Snapshot::compile_with(Arc::new(settings), &BTreeMap::new(), identity.clone()).unwrap();
        let onces = Onces::new(store.clone(), lifecycle.clone());
        let locals = Locals {
            rest: rest::router(rest::Served {
                tenants: Some(Tenants::new(store.clone(), feed.clone())),
                images: Some(Images::new(store.clone())),
                orders: Some(Orders::new(store.clone())),
                users: Some(Users::new(store.clone(), feed.clone())),
                products: Some(products),
                onces: Some(onces),
            }),
            auth: rest::auth_router(None, Some(ApiKeys::new(store.clone(), feed.clone()))),
            ..Locals::default()
        };
        let pipeline = Pipeline::new(snapshot, locals).with_limiter(limiter);
        assert!(feed.is_filled_within(PATIENCE).await);
        Self { pipeline, identity, _lifecycle: lifecycle, store, feed }
    }

    /// A token of somebody, made a few seconds ago: so that what is taken back now takes it back.
    pub(crate) fn token(&self, tenant: TenantId, subject: &str, role: &str) -> String {
        let (subject, roles) = (subject.to_owned(), vec![role.to_owned()]);
        let grant = Issuance { tenant, subject, roles, scoped: Vec::new(), session: None };
        self.identity.issue(&grant, None, Utc::now() - TimeDelta::seconds(3)).unwrap()
    }

    pub(crate) async fn ask(&self, asking: Asking<'_>, document: Option<Value>) -> Seen {
        self.ask_with(asking, &[], document).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Seen {
        self.ask(Asking(Method::GET, path, token), None).await
    }

    pub(crate) async fn ask_with(
        &self,
        Asking(method, path, token): Asking<'_>,
        headers: &[(&str, &str)],
        document: Option<Value>,
    ) -> Seen {
        let json = document.as_ref().map(|_| ("content-type", "application/json"));
        let headers: Vec<_> = json.into_iter().chain(headers.iter().copied()).collect();
        let body = document.map_or_else(Body::empty, |document| Body::from(document.to_string()));
        self.send(Asking(method, path, token), &headers, body).await
    }

    /// Asks with any body.
    pub(crate) async fn send(
        &self,
        Asking(method, path, token): Asking<'_>,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Seen {
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (head, body) = request.body(body).unwrap().into_parts();
        let connection = Connection { peer: None, is_tls: false };
        let (exchange, admission) = self.pipeline.admit(&head, connection).await;
        let (head, bytes) = match admission {
            Admission::Answer(answer) => {
                let (head, body) = answer.into_parts();
                (head, body)
            }
            Admission::Local(local) => {
                let answer = self.pipeline.serve(&exchange, local, Request::from_parts(head, body)).await;
                let (head, body) = answer.into_parts();
                (head, to_bytes(body, 1 << 20).await.unwrap())
            }
            Admission::Proxy(_) => panic!("nothing is proxied"),
        };
        let header = |name| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (tag, limits) = (header("etag"), header("ratelimit-policy"));
        Seen {
            status: head.status,
            tag,
            limits,
            headers: head.headers,
            document: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }
}

/// A folder with a key that tokens are signed with.
pub(crate) fn keys() -> Folder {
    let folder = Folder::new("tenancy");
    folder.write("1.pem", &new_key(Algorithm::EdDsa).unwrap());
    folder
}

pub(crate) async fn tenant(store: &Store, slug: &str) -> TenantId {
    let new = &NewTenant { id: TenantId::new(), slug: slug.to_owned(), name: slug.to_uppercase() };
    store.platform().run(|work| async move { work.tenants().create(new).await }).await.unwrap().id
}

/// A user of a tenant with a role.
pub(crate) async fn user(store: &Store, tenant: TenantId, role: &str) -> UserId {
    let id = UserId::new();
    let new = &NewUser { id, email: format!("{id}@shop.example"), name: "Ada".to_owned() };
    let make = |work: Work| async move {
        work.users().create(new).await?;
        work.users().grant(id, role, "test").await
    };
    store.tenant(tenant).run(make).await.unwrap();
    id
}

pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        sleep(std::time::Duration::from_millis(10)).await;
    }
}
