//! What handlers ask of their callers, for those who have a request explained. The handlers' functions decide; a test
//! holds this table against them.

use crate::model::Permission::{self, *};

/// Methods and paths with the permission that is asked for, if one is. How far it must reach depends on the thing.
const ASKS: &[(&str, &str, Option<Permission>)] = &[
    ("GET", "/.well-known/jwks.json", None),
    ("POST", "/api/v1/auth/login", None),
    ("POST", "/api/v1/auth/refresh", None),
    ("POST", "/api/v1/auth/logout", None),
    ("POST", "/api/v1/auth/validate", Some(TokensValidate)),
    ("GET", "/api/v1/auth/me", Some(UsersRead)),
    ("GET", "/api/v1/auth/permissions", None),
    ("GET", "/api/v1/auth/sessions", Some(SessionsRead)),
    ("DELETE", "/api/v1/auth/sessions", Some(SessionsRevoke)),
    ("DELETE", "/api/v1/auth/sessions/{id}", Some(SessionsRevoke)),
    ("GET", "/api/v1/auth/api-keys", Some(ApiKeysRead)),
    ("POST", "/api/v1/auth/api-keys", Some(ApiKeysCreate)),
    ("DELETE", "/api/v1/auth/api-keys/{id}", Some(ApiKeysRevoke)),
    ("GET", "/api/v1/orders", Some(OrdersRead)),
    ("POST", "/api/v1/orders", Some(OrdersCreate)),
    ("GET", "/api/v1/orders/{id}", Some(OrdersRead)),
    ("PUT", "/api/v1/orders/{id}", Some(OrdersUpdate)),
    ("PATCH", "/api/v1/orders/{id}/status", Some(OrdersUpdate)),
    ("GET", "/api/v1/products", Some(ProductsRead)),
    ("POST", "/api/v1/products", Some(ProductsCreate)),
    ("GET", "/api/v1/products/{id}", Some(ProductsRead)),
    ("PUT", "/api/v1/products/{id}", Some(ProductsUpdate)),
    ("DELETE", "/api/v1/products/{id}", Some(ProductsDelete)),
    ("GET", "/api/v1/products/{id}/image", Some(ProductsRead)),
    ("PUT", "/api/v1/products/{id}/image", Some(ProductsUpdate)),
    ("DELETE", "/api/v1/products/{id}/image", Some(ProductsUpdate)),
    ("GET", "/api/v1/users", Some(UsersRead)),
    ("POST", "/api/v1/users", Some(UsersCreate)),
    ("GET", "/api/v1/users/{id}", Some(UsersRead)),
    ("PUT", "/api/v1/users/{id}", Some(UsersUpdate)),
    ("DELETE", "/api/v1/users/{id}", Some(UsersDelete)),
    ("GET", "/api/v1/status", None),
    ("GET", "/api/v1/tenants", Some(TenantsRead)),
    ("POST", "/api/v1/tenants", Some(TenantsCreate)),
    ("GET", "/api/v1/tenants/{id}", Some(TenantsRead)),
    ("PATCH", "/api/v1/tenants/{id}", Some(TenantsUpdate)),
    ("POST", "/api/v1/tenants/{id}/suspend", Some(TenantsSuspend)),
    ("POST", "/api/v1/tenants/{id}/resume", Some(TenantsSuspend)),
];

/// The permission that the handler of this method and path asks for, if it asks for one.
pub fn asks(method: &str, path: &str) -> Option<Permission> {
    let fits = |pattern: &str| {
        let (pattern, path) = (pattern.split('/'), path.split('/'));
        pattern.clone().count() == path.clone().count()
            && pattern
                .zip(path)
                .all(|(wanted, part)| wanted == part || (wanted.starts_with('{') && !part.is_empty()))
    };
    ASKS.iter().find(|row| row.0 == method && fits(row.1)).and_then(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_an_id_is_found_by_its_pattern() {
        assert_eq!(asks("PATCH", "/api/v1/tenants/0195f7a0"), Some(TenantsUpdate));
        assert_eq!(asks("PATCH", "/api/v1/tenants"), None);
        assert_eq!(asks("GET", "/api/v1/tenants/"), None);
        assert_eq!(asks("GET", "/api/v1/tenants"), Some(TenantsRead));
    }
}
