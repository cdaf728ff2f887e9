//! Every endpoint as every kind of caller: the tenant's own, of another tenant, of a suspended one, nobody; each with
//! every role of the policy, the platform's administrators among them.

use std::sync::Arc;

use olympus_gateway::config;
use olympus_gateway::identity::{self, Holder, Policy, Reach, Rights};
use olympus_gateway::model::{Permission, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::endpoints::{Endpoint, Need, Thing, Which, endpoints};
use crate::stage::{Device, Stage};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send, send_json};
use crate::support::wait::until;

const MORE: &str = r#"
[routes.tenants]
path = ["/api/v1/tenants", "/api/v1/tenants/{*rest}"]
local = "rest"
auth = "optional"
[routes.products]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "optional"
[upstreams.commerce]
endpoints = [{ address = "127.0.0.1:9" }]
[backends.commerce]
upstream = "commerce"
[routes.orders]
path = ["/api/v1/orders", "/api/v1/orders/{*rest}"]
local = "rest"
auth = "optional"
[routes.keys]
path = "/.well-known/jwks.json"
local = "keys"
[routes.users]
path = ["/api/v1/users", "/api/v1/users/{*rest}"]
local = "rest"
auth = "required"
"#;

/// Who calls.
#[derive(Debug, Clone)]
struct Caller {
    tenant: TenantId,
    is_suspended: bool,
    role: Box<str>,
    subject: String,
    token: String,
}

/// What comes of a call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Unknown,
    Forbidden,
    Missing,
}

struct Matrix {
    stage: Stage,
    gateway: Gateway,
    policy: Arc<Policy>,
    first: TenantId,
    third: TenantId,
    /// A user of the first tenant, who is none of the callers.
    owner: String,
}

impl Matrix {
    fn set() -> Self {
        let stage = Stage::new();
        let gateway = stage.gateway(MORE);
        let policy = Arc::new(Policy::compile(&config::Policy::default()));
        let [first, third] = ["acme", "third"].map(|slug| {
            stage.sql(&format!(
                "INSERT INTO tenants (id, slug, name) VALUES ('{}', '{slug}', 'T') ON CONFLICT DO NOTHING",
                TenantId::new()
            ));
            stage.text(&format!("SELECT id::text FROM tenants WHERE slug = '{slug}'")).parse().unwrap()
        });
        let owner = stage.text("SELECT id::text FROM users WHERE email = 'manager@acme.example'");
        Self { stage, gateway, policy, first, third, owner }
    }

    /// A caller of each role.
    fn callers(&self, tenant: TenantId, is_suspended: bool) -> Vec<Caller> {
        let roles: Vec<_> = self.policy.roles().map(Box::<str>::from).collect();
        assert!(roles.len() >= 6, "{roles:?}");
        let caller = |role: Box<str>| {
            let subject = Uuid::now_v7().to_string();
            let token = self.stage.token(&self.gateway, (tenant, &subject, &role));
            Caller { tenant, is_suspended, role, subject, token }
        };
        roles.into_iter().map(caller).collect()
    }

    fn rights(&self, caller: &Caller, tenant: TenantId) -> Rights {
        let roles = [caller.role.clone()];
        self.policy.rights(Holder { tenant, subject: &caller.subject, roles: &roles }, &[])
    }

    /// What the policy says must come of it.
    fn expected(&self, need: Need, caller: Option<&Caller>) -> Outcome {
        let Some(caller) = caller.filter(|caller| !caller.is_suspended) else {
            return if matches!(need, Need::Nothing) { Outcome::Done } else { Outcome::Unknown };
        };
        let rights = self.rights(caller, caller.tenant);
        let subject = caller.subject.as_str();
        let with = |permission: Permission, owner: Option<&str>| {
            let may = |permission| rights.may_with(permission, subject, identity::Thing { id: "", owner });
            match (may(permission), permission.reading().is_some_and(may)) {
                (true, _) => Outcome::Done,
                (false, true) => Outcome::Forbidden,
                (false, false) => Outcome::Missing,
            }
        };
        let done_if = |is_allowed| if is_allowed { Outcome::Done } else { Outcome::Forbidden };
        let is_here = caller.tenant == self.first;
        match need {
            Need::Nothing | Need::Caller => Outcome::Done,
            Need::All(permission) => done_if(rights.may(permission)),
            Need::Own(permission) => with(permission, Some(subject)),
            Need::Some(permission) => done_if(rights.reach(permission) != Reach::Nothing),
            Need::Thing(permission, _) if rights.reach(permission) == Reach::Nothing => Outcome::Forbidden,
            // Whatever they may at home: what is another tenant's is not there.
            Need::Thing(..) if !is_here => Outcome::Missing,
            Need::Thing(permission, _) => with(permission, Some(&self.owner)),
            Need::Item(permission, _) => match with(permission, None) {
                Outcome::Done if !is_here => Outcome::Missing,
                outcome @ (Outcome::Done | Outcome::Unknown | Outcome::Forbidden | Outcome::Missing) => {
                    outcome
                }
            },
            Need::Tenant(permission, which) => {
                let is_own = caller.tenant == self.tenant(which);
                with(permission, is_own.then_some(subject))
            }
            Need::There(_) if !is_here && !rights.may(Permission::TenantsEnter) => Outcome::Missing,
            Need::There(permission) => {
                done_if(self.rights(caller, self.first).reach(permission) != Reach::Nothing)
            }
        }
    }

    fn tenant(&self, which: Which) -> TenantId {
        match which {
            Which::First => self.first,
            Which::Third => self.third,
        }
    }

    /// The id in the path: of a thing that is there.
    fn id(&self, need: Need) -> String {
        let (id, tenant, owner) = (Uuid::now_v7(), self.first, &self.owner);
        match need {
            Need::Thing(_, Thing::Session) => self.stage.sql(&format!(
                "INSERT INTO sessions (tenant_id, id, user_id, expires_at)
                 VALUES ('{tenant}', '{id}', '{owner}', now() + interval '1 hour')"
            )),
            Need::Thing(_, Thing::ApiKey) => self.stage.sql(&format!(
                "INSERT INTO api_keys (tenant_id, id, user_id, name, hash, hint)
                 VALUES ('{tenant}', '{id}', '{owner}', 'k', sha256('{id}'::text::bytea), 'olk_')"
            )),
            Need::Item(_, Thing::Product) => self.stage.sql(&format!(
                "INSERT INTO products (tenant_id, id, sku, name, price, currency)
                 VALUES ('{tenant}', '{id}', '{id}', 'P', 1, 'EUR')"
            )),
            Need::Thing(_, Thing::Order) => self.stage.sql(&format!(
                "INSERT INTO orders (tenant_id, id, user_id, total, currency)
                 VALUES ('{tenant}', '{id}', '{owner}', 1, 'EUR')"
            )),
            Need::Item(_, Thing::Picture) => self.stage.sql(&format!(
                "INSERT INTO products (tenant_id, id, sku, name, price, currency)
                 VALUES ('{tenant}', '{id}', '{id}', 'P', 1, 'EUR');
                 INSERT INTO product_images (tenant_id, product_id, kind, width, height, bytes)
                 VALUES ('{tenant}', '{id}', 'gif', 1, 1, 'GIF89a')"
            )),
            Need::Thing(_, Thing::Product | Thing::Picture) | Need::Item(..) => {
                unreachable!("no row asks for it")
            }
            Need::Thing(_, Thing::User) => self.stage.sql(&format!(
                "INSERT INTO users (tenant_id, id, email, name)
                 VALUES ('{tenant}', '{id}', '{id}@acme.example', 'Ada');
                 INSERT INTO grants (tenant_id, user_id, role) VALUES ('{tenant}', '{id}', 'viewer')"
            )),
            Need::Tenant(_, which) => return self.tenant(which).to_string(),
            Need::Nothing | Need::Caller | Need::All(_) | Need::Own(_) | Need::Some(_) | Need::There(_) => {}
        }
        id.to_string()
    }

    fn call(&self, endpoint: &Endpoint, caller: Option<&Caller>) -> Answer {
        let id = self.id(endpoint.need);
        let path = endpoint.path.replace("{id}", &id);
        let query = endpoint.query.replace("{first}", &self.first.to_string());
        let url = self.gateway.url(&format!("{path}{query}"));
        let bearer = caller.map(|caller| format!("Bearer {}", caller.token));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        if let Some((kind, body)) = endpoint.raw {
            let headers: Vec<_> = headers.into_iter().chain([("content-type", kind)]).collect();
            return send(endpoint.method, &url, &headers, body);
        }
        match &endpoint.document {
            Some(document) => {
                let document = document.to_string().replace("{id}", &id);
                send_json(endpoint.method, &url, &headers, &serde_json::from_str(&document).unwrap())
            }
            None => send(endpoint.method, &url, &headers, ""),
        }
    }

    /// Calls and compares; what differs is told.
    fn differs(&self, endpoint: &Endpoint, caller: Option<&Caller>) -> Option<String> {
        let answer = self.call(endpoint, caller);
        let expected = self.expected(endpoint.need, caller);
        let is_as_expected = match expected {
            Outcome::Done => endpoint.done.contains(&answer.status),
            Outcome::Unknown => answer.status == 401,
            Outcome::Forbidden => answer.status == 403,
            Outcome::Missing => answer.status == 404,
        };
        let who = caller.map(|it| (&it.role, it.tenant == self.first, it.is_suspended));
        let Endpoint { method, path, .. } = endpoint;
        (!is_as_expected).then(|| {
            format!("{method} {path} {who:?}: {} and not {expected:?}: {}", answer.status, answer.body)
        })
    }
}

#[test]
fn every_endpoint_does_for_every_caller_what_the_policy_says() {
    let matrix = Matrix::set();
    let second = matrix.stage.text("SELECT id::text FROM tenants WHERE slug = 'globex'").parse().unwrap();
    let suspended = TenantId::new();
    matrix
        .stage
        .sql(&format!("INSERT INTO tenants (id, slug, name) VALUES ('{suspended}', 'suspended', 'S')"));
    let mut callers = matrix.callers(matrix.first, false);
    callers.extend(matrix.callers(second, false));
    callers.extend(matrix.callers(suspended, true));
    let platform = callers.iter().find(|it| &*it.role == "platform_admin").expect("the platform's").clone();
    let url = matrix.gateway.url(&format!("/api/v1/tenants/{suspended}/suspend"));
    let bearer = format!("Bearer {}", platform.token);
    assert_eq!(send("POST", &url, &[("authorization", &bearer)], "").status, 200);
    let shut_out = json!(callers.last().expect("a caller").token);
    let device = Device(&matrix.gateway, "test");
    until("the tenant is shut out", || {
        (device.with(&shut_out, "GET", "permissions").status == 401).then_some(())
    });

    let mut differing = Vec::new();
    for endpoint in endpoints() {
        differing.extend(matrix.differs(&endpoint, None));
        differing.extend(callers.iter().filter_map(|caller| matrix.differs(&endpoint, Some(caller))));
    }
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}
