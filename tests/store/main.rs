//! The store against a real Postgres: what its tables promise, and what happens when it breaks.

#![cfg(test)]

mod breaking;
mod catalogue;
#[expect(dead_code, unreachable_pub, reason = "made for tests of running programs, which use more of it")]
#[path = "../support/certificates.rs"]
mod certificates;
mod migrating;
mod plans;
#[expect(unreachable_pub, reason = "made for all tests that need a database, which use more of it")]
#[path = "../support/postgres.rs"]
mod postgres;
mod secure;
mod sessions;
mod tenancy;
mod users;

use olympus_gateway::error::Result;
use olympus_gateway::model::{NewTenant, NewUser, Tenant, TenantId, User, UserId};
use olympus_gateway::store::Store;

/// A new tenant.
async fn tenant(store: &Store, slug: &str) -> Tenant {
    let new = &NewTenant { id: TenantId::new(), slug: slug.to_owned(), name: slug.to_uppercase() };
    store.platform().run(|work| async move { work.tenants().create(new).await }).await.expect("a tenant")
}

/// A new user of a tenant.
async fn user(store: &Store, tenant: TenantId, email: &str) -> Result<User> {
    let new = &NewUser { id: UserId::new(), email: email.to_owned(), name: "Ada".to_owned() };
    store.tenant(tenant).run(|work| async move { work.users().create(new).await }).await
}
