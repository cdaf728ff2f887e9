//! The demo users: two tenants, every role, one password that everybody knows.

use std::error::Error;

use blake2::{Blake2s256, Digest as _};
use uuid::Uuid;

use crate::Service;
use crate::accounts::{self, Account, Role};
use crate::passwords::Password;

/// The password of every demo user. It is public: seed it only where anybody may log in.
const PASSWORD: &str = "olympus-demo-1";

const USERS: [(&str, &str, &str, Role); 6] = [
    ("acme", "platform@acme.example", "Petra Platform", Role::PlatformAdmin),
    ("acme", "admin@acme.example", "Ada Admin", Role::TenantAdmin),
    ("acme", "manager@acme.example", "Max Manager", Role::Manager),
    ("acme", "member@acme.example", "Mia Member", Role::Member),
    ("acme", "viewer@acme.example", "Vic Viewer", Role::Viewer),
    ("globex", "admin@globex.example", "Gus Admin", Role::TenantAdmin),
];

/// Creates the demo users if there is no user at all.
pub(crate) async fn seed(service: &Service) -> Result<(), Box<dyn Error>> {
    if !service.database.write(accounts::is_empty).await.map_err(|problem| problem.code)? {
        return Ok(());
    }
    let mut users = Vec::new();
    for (tenant, email, name, role) in USERS {
        let hash = service.passwords.hash(Password::new(PASSWORD)).await.map_err(|problem| problem.code)?;
        users.push((account(tenant, email, name, role), hash));
    }
    let seeded = service.database.write(move |transaction| {
        // Another process may have seeded the same file meanwhile: keeping the same users again is harmless.
        users
            .iter()
            .try_for_each(|(account, hash)| accounts::keep(transaction, account, Some(hash)).map(|_| ()))
    });
    seeded.await.map_err(|problem| problem.code)?;
    tracing::info!(users = USERS.len(), "demo users seeded");
    Ok(())
}

fn account(tenant: &str, email: &str, name: &str, role: Role) -> Account {
    Account {
        user_id: user_id(tenant, email),
        tenant: tenant.to_owned(),
        email: email.to_owned(),
        name: name.to_owned(),
        roles: vec![role],
    }
}

/// The same id at every start: a UUIDv8 (RFC 9562) from the digest of tenant and email.
fn user_id(tenant: &str, email: &str) -> Uuid {
    let digest: [u8; 32] = Blake2s256::digest(format!("{tenant}/{email}")).into();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
