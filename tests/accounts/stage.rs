//! All that sessions need, and people who use them.

use olympus_gateway::store::{Migrations, Store};
use olympus_gateway::tasks::Lifecycle;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::postgres::{Database, store};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};
use crate::support::process::Process;
use crate::support::redis::Redis;
use crate::support::wait::until;

const SERVICE_TOKEN: &str = "service-token-of-the-tests";
pub(crate) const PASSWORD: &str = "olympus-demo-1";
pub(crate) const ADMIN: &str = "admin@acme.example";

/// Servers with the demo tenants, and keys that all gateways share.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) database: Database,
    pub(crate) redis: Redis,
    auth: Process,
    folder: Folder,
}

/// Further keys of a gateway's configuration.
#[derive(Default)]
pub(crate) struct Keys<'k> {
    /// The table `[server]`.
    pub(crate) server: &'k str,
    /// Of `[auth]`.
    pub(crate) auth: &'k str,
    /// Of `[postgres]`.
    pub(crate) postgres: &'k str,
    /// Of the route of sessions.
    pub(crate) route: &'k str,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = Folder::new("accounts");
        let (database, token) = (folder.file("auth.db"), folder.write("token", SERVICE_TOKEN));
        let arguments =
            ["--database", &database, "--service-token-file", &token, "--seed-demo", "--hash-memory", "64"];
        let auth = Process::example("auth", "auth-1", &arguments);
        let key = olympus_gateway::identity::new_key(olympus_gateway::config::Algorithm::EdDsa).unwrap();
        std::fs::create_dir(folder.file("keys")).unwrap();
        folder.write("keys/1.pem", &key);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let database = runtime.block_on(async {
            let database = Database::new().await;
            let lifecycle = Lifecycle::new(tokio::runtime::Handle::current());
            let mut migrations = Migrations::connect(&database.settings(""), &lifecycle).await.unwrap();
            migrations.seed_demo().await.unwrap();
            database
        });
        Self { runtime, database, redis: Redis::start(&[]), auth, folder }
    }

    /// A gateway of these, with further keys of `[auth]`.
    pub(crate) fn gateway(&self, auth: &str) -> Gateway {
        self.gateway_with(&Keys { auth, ..Keys::default() })
    }

    /// The same where this address is a proxy's.
    pub(crate) fn gateway_behind(&self, proxy: &str, auth: &str) -> Gateway {
        let server = &format!("[server]\ntrusted_proxies = [\"{proxy}\"]");
        self.gateway_with(&Keys { server, auth, ..Keys::default() })
    }

    /// The same with more.
    pub(crate) fn gateway_with(&self, keys: &Keys<'_>) -> Gateway {
        let Keys { server, auth, postgres: more, route } = keys;
        let (keys, service) = (self.folder.file("keys"), self.auth.address());
        let database = self.database.settings("");
        let (postgres, redis) = (database.url.expose(), self.redis.url());
        let gateway = Gateway::start(&format!(
            r#"
{server}
[auth]
keys_dir = "{keys}"
{auth}
[postgres]
url = "{postgres}"
{more}
[redis]
urls = ["{redis}"]
[upstreams.auth]
endpoints = [{{ address = "{service}" }}]
[backends.auth]
upstream = "auth"
token = "{SERVICE_TOKEN}"
timeout = "2s"
[routes.sessions]
path = "/api/v1/auth/{{*rest}}"
local = "auth"
auth = "optional"
{route}
"#
        ));
        until("Redis counts", || (gateway.metric("olympus_redis_up", &[]) == 1.0).then_some(()));
        gateway
    }

    /// Where one of the gateways' keys is.
    pub(crate) fn key(&self, name: &str) -> String {
        self.folder.file(&format!("keys/{name}.pem"))
    }

    /// Where the auth service listens.
    pub(crate) fn service(&self) -> std::net::SocketAddr {
        self.auth.address()
    }

    /// Has the auth service fail in this way.
    pub(crate) fn fault(&self, words: &str) {
        assert_eq!(send("PUT", &format!("http://{}/faults", self.service()), &[], words).status / 100, 2);
    }

    /// Has it fail no longer.
    pub(crate) fn mend(&self) {
        assert_eq!(send("DELETE", &format!("http://{}/faults", self.service()), &[], "").status / 100, 2);
    }

    /// The topics of all events, in their order.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.words("SELECT topic FROM outbox ORDER BY id")
    }

    /// The only word of a query.
    pub(crate) fn word(&self, sql: &str) -> String {
        self.words(sql).pop().unwrap()
    }

    fn words(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let rows = self.database.connect("postgres").await.query(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    pub(crate) fn store(&self) -> Store {
        self.runtime.block_on(async { store(&self.database.settings("")) })
    }

    /// Does something to the database as its superuser.
    pub(crate) fn sql(&self, sql: &str) {
        self.runtime.block_on(async {
            self.database.connect("postgres").await.batch_execute(sql).await.unwrap();
        });
    }

    /// What the audit log says was done, in its order.
    pub(crate) fn audited(&self) -> Vec<String> {
        self.words("SELECT action FROM audit_log ORDER BY created_at, id")
    }
}

/// A gateway as one device talks to it.
#[derive(Clone, Copy)]
pub(crate) struct Device<'g>(pub(crate) &'g Gateway, pub(crate) &'static str);

impl Device<'_> {
    pub(crate) fn post(&self, path: &str, document: &Value) -> Answer {
        self.call("POST", path, &[], Some(document))
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        document: Option<&Value>,
    ) -> Answer {
        let mut all = vec![("user-agent", self.1)];
        all.extend_from_slice(headers);
        let url = self.0.url(&format!("/api/v1/auth/{path}"));
        match document {
            Some(document) => send_json(method, &url, &all, document),
            None => send(method, &url, &all, ""),
        }
    }

    /// The same with an access token.
    pub(crate) fn with(&self, token: &Value, method: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        self.call(method, path, &[("authorization", &bearer)], None)
    }

    pub(crate) fn try_log_in(&self, tenant: &str, email: &str, password: &str) -> Answer {
        self.post("login", &json!({ "tenant": tenant, "email": email, "password": password }))
    }

    /// The pair of tokens of a login as one of the demo users.
    pub(crate) fn log_in(&self, email: &str) -> Value {
        let answer = self.try_log_in("acme", email, PASSWORD);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["data"].clone()
    }

    pub(crate) fn refresh(&self, pair: &Value) -> Answer {
        self.post("refresh", &json!({ "refresh_token": pair["refresh_token"] }))
    }

    /// Whether the access token of a pair opens what asks for one.
    pub(crate) fn status(&self, pair: &Value) -> u16 {
        self.with(&pair["access_token"], "GET", "me").status
    }
}

/// The stable word of a refusal.
pub(crate) fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}
