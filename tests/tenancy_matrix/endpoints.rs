//! The endpoints of the gateway itself and what each asks of its callers. What the program serves is read from the
//! description of its API, so that an endpoint without a row here fails a test.

use olympus_gateway::config::Rest;
use olympus_gateway::model::Permission::{self, *};
use serde_json::{Value, json};

/// What an endpoint asks of whoever calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need {
    /// Nothing, whatever token is sent.
    Nothing,
    /// A caller.
    Caller,
    /// The permission for every thing of the tenant.
    All(Permission),
    /// The permission for what is the caller's own.
    Own(Permission),
    /// The permission for whatever it may be.
    Some(Permission),
    /// The permission for a thing of the first tenant, made anew for each call.
    Thing(Permission, Thing),
    /// The permission for a thing of the first tenant that is nobody's own, made anew for each call.
    Item(Permission, Thing),
    /// The permission for this tenant, which is the caller's own or not.
    Tenant(Permission, Which),
    /// To act in the first tenant, and the permission for whatever it may be there.
    There(Permission),
}

/// A thing that somebody in the first tenant has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Thing {
    Session,
    ApiKey,
    Product,
    Order,
    /// A product with a picture.
    Picture,
    User,
}

/// A tenant that is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// The first one: own to some callers, another to others.
    First,
    /// One that no caller is of.
    Third,
}

/// A row: how it is called, and what those get who may.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    /// Besides the path.
    pub(crate) query: &'static str,
    pub(crate) document: Option<Value>,
    /// A body that is no JSON, with its type.
    pub(crate) raw: Option<(&'static str, &'static str)>,
    /// The statuses of whoever may.
    pub(crate) done: &'static [u16],
}

fn row(method: &'static str, path: &'static str, need: Need, done: &'static [u16]) -> Endpoint {
    Endpoint { method, path, need, query: "", document: None, raw: None, done }
}

fn with(mut endpoint: Endpoint, document: Value) -> Endpoint {
    endpoint.document = Some(document);
    endpoint
}

/// Every endpoint, at least once.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [of_sessions(), of_keys(), of_products(), of_orders(), of_tenants(), of_users()].concat()
}

fn of_sessions() -> Vec<Endpoint> {
    use Need::{All, Caller, Nothing, Own};
    let login = json!({ "tenant": "acme", "email": "nobody@acme.example", "password": "wrong" });
    let unknown = json!({ "refresh_token": "olr_unknown" });
    let session = Need::Thing(SessionsRevoke, Thing::Session);
    vec![
        row("GET", "/.well-known/jwks.json", Nothing, &[200]),
        row("GET", "/api/v1/status", Nothing, &[200]),
        with(row("POST", "/api/v1/auth/login", Nothing, &[401, 429]), login),
        with(row("POST", "/api/v1/auth/refresh", Nothing, &[401, 429]), unknown.clone()),
        with(row("POST", "/api/v1/auth/logout", Nothing, &[204]), unknown),
        with(
            row("POST", "/api/v1/auth/validate", All(TokensValidate), &[200]),
            json!({ "token": "unknown" }),
        ),
        row("GET", "/api/v1/auth/me", Own(UsersRead), &[200]),
        row("GET", "/api/v1/auth/permissions", Caller, &[200]),
        row("GET", "/api/v1/auth/sessions", Own(SessionsRead), &[200]),
        row("DELETE", "/api/v1/auth/sessions", Own(SessionsRevoke), &[200]),
        row("DELETE", "/api/v1/auth/sessions/{id}", session, &[204]),
    ]
}

fn of_keys() -> Vec<Endpoint> {
    use Need::{Own, Some, There};
    let keys = "/api/v1/auth/api-keys";
    let key = json!({ "name": "a key", "scopes": ["orders:read:own"] });
    // Who may make keys may not do all that the key is for, or is no user.
    let made = &[201, 400, 409, 422];
    vec![
        row("GET", keys, Some(ApiKeysRead), &[200]),
        Endpoint { query: "?tenant_id={first}", ..row("GET", keys, There(ApiKeysRead), &[200]) },
        with(row("POST", keys, Own(ApiKeysCreate), made), key),
        row("DELETE", "/api/v1/auth/api-keys/{id}", Need::Thing(ApiKeysRevoke, Thing::ApiKey), &[204]),
    ]
}

fn of_tenants() -> Vec<Endpoint> {
    use Need::{All, Some, Tenant};
    let (new, name) = (json!({ "slug": "one-more", "name": "One more" }), json!({ "name": "A name" }));
    let one = "/api/v1/tenants/{id}";
    vec![
        row("GET", "/api/v1/tenants", Some(TenantsRead), &[200]),
        with(row("POST", "/api/v1/tenants", All(TenantsCreate), &[201, 409]), new),
        row("GET", one, Tenant(TenantsRead, Which::First), &[200]),
        row("GET", one, Tenant(TenantsRead, Which::Third), &[200]),
        with(row("PATCH", one, Tenant(TenantsUpdate, Which::First), &[200]), name.clone()),
        with(row("PATCH", one, Tenant(TenantsUpdate, Which::Third), &[200]), name),
        // Nobody suspends the tenant they are of.
        row("POST", "/api/v1/tenants/{id}/suspend", Tenant(TenantsSuspend, Which::Third), &[200]),
        row("POST", "/api/v1/tenants/{id}/resume", Tenant(TenantsSuspend, Which::Third), &[200]),
    ]
}

fn of_products() -> Vec<Endpoint> {
    use Need::{All, Item, There};
    let (products, one, image) = ("/api/v1/products", "/api/v1/products/{id}", "/api/v1/products/{id}/image");
    let price = json!({ "amount": "1.00", "currency": "EUR" });
    let product = json!({ "sku": "one", "name": "A lamp", "price": price, "stock": 1, "status": "active" });
    vec![
        row("GET", products, All(ProductsRead), &[200]),
        Endpoint { query: "?tenant_id={first}", ..row("GET", products, There(ProductsRead), &[200]) },
        // The first one takes the number.
        with(row("POST", products, All(ProductsCreate), &[201, 409]), product.clone()),
        row("GET", one, Item(ProductsRead, Thing::Product), &[200]),
        with(row("PUT", one, Item(ProductsUpdate, Thing::Product), &[200, 409]), product),
        row("DELETE", one, Item(ProductsDelete, Thing::Product), &[204]),
        row("GET", image, Item(ProductsRead, Thing::Picture), &[200]),
        Endpoint {
            raw: Some(("image/gif", "GIF89a\x01\0\x01\0\0\0\0;")),
            ..row("PUT", image, Item(ProductsUpdate, Thing::Picture), &[200])
        },
        row("DELETE", image, Item(ProductsUpdate, Thing::Picture), &[204]),
    ]
}

fn of_orders() -> Vec<Endpoint> {
    use Need::{Some, There};
    let (orders, one, of) = ("/api/v1/orders", "/api/v1/orders/{id}", Need::Thing);
    let item = json!({ "product_id": "0195f7a0-0000-7000-8000-000000000001", "quantity": 1 });
    let status = row("PATCH", "/api/v1/orders/{id}/status", of(OrdersUpdate, Thing::Order), &[200]);
    vec![
        row("GET", orders, Some(OrdersRead), &[200]),
        Endpoint { query: "?tenant_id={first}", ..row("GET", orders, There(OrdersRead), &[200]) },
        // Who may order is told that they are no user.
        with(row("POST", orders, Some(OrdersCreate), &[422]), json!({ "items": [item] })),
        row("GET", one, of(OrdersRead, Thing::Order), &[200]),
        with(row("PUT", one, of(OrdersUpdate, Thing::Order), &[200]), json!({ "note": "ring twice" })),
        with(status, json!({ "status": "cancelled" })),
    ]
}

fn of_users() -> Vec<Endpoint> {
    use Need::{All, Some, There};
    let (users, of) = ("/api/v1/users", Need::Thing);
    let new =
        json!({ "email": "new@acme.example", "name": "New", "roles": ["viewer"], "password": "long enough" });
    // As they are, so that the auth service is not asked.
    let same =
        json!({ "email": "{id}@acme.example", "name": "Ada", "roles": ["viewer"], "status": "active" });
    vec![
        row("GET", users, Some(UsersRead), &[200]),
        Endpoint { query: "?tenant_id={first}", ..row("GET", users, There(UsersRead), &[200]) },
        with(row("POST", users, All(UsersCreate), &[201, 409]), new),
        row("GET", "/api/v1/users/{id}", of(UsersRead, Thing::User), &[200]),
        with(row("PUT", "/api/v1/users/{id}", of(UsersUpdate, Thing::User), &[200]), same),
        row("DELETE", "/api/v1/users/{id}", of(UsersDelete, Thing::User), &[204]),
    ]
}

/// The methods and paths of the API, as its description has them; another test sees to it that nothing is missing there.
fn served() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&olympus_gateway::rest::openapi(&Rest::default())).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, item): (&String, &Value)| {
        let methods =
            ["get", "post", "put", "patch", "delete"].map(|it| item.get(it).map(|_| it.to_uppercase()));
        methods.into_iter().flatten().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    let mut found: Vec<_> = paths.iter().flat_map(methods).collect();
    found.sort();
    found
}

#[test]
fn every_endpoint_has_a_row_and_every_row_an_endpoint() {
    let mut rows: Vec<_> = endpoints().iter().map(|it| (it.method.to_owned(), it.path.to_owned())).collect();
    rows.sort();
    rows.dedup();
    assert_eq!(rows, served());
}

#[test]
fn what_is_explained_of_an_endpoint_is_what_it_asks_for() {
    for Endpoint { method, path, need, .. } in endpoints() {
        let expected = match need {
            Need::Nothing | Need::Caller => None,
            Need::All(permission)
            | Need::Own(permission)
            | Need::Some(permission)
            | Need::Thing(permission, _)
            | Need::Item(permission, _)
            | Need::Tenant(permission, _)
            | Need::There(permission) => Some(permission),
        };
        let told = olympus_gateway::rest::asks(method, &path.replace("{id}", "0195f7a0"));
        assert_eq!(told, expected, "{method} {path}: see src/rest/asks.rs");
    }
}
