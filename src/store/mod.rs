//! Postgres: the only SQL of the program. Whatever belongs to a tenant is reached through [`Store::tenant`], in a
//! transaction that row-level security confines to it; what concerns all tenants through [`Store::platform`].
//! It knows no HTTP and no rules of the product.

mod acquire;
mod api_keys;
mod audit;
mod changes;
mod connect;
mod demo;
mod failure;
mod idempotency;
mod images;
mod intents;
mod listing;
mod migrations;
mod orders;
mod outbox;
mod products;
mod refresh_tokens;
mod revocations;
mod row;
mod scope;
mod select;
mod sessions;
mod slow;
mod state;
mod tenants;
mod trace;
mod users;
mod value;
mod watch;
mod work;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;

use self::changes::Listener;
use self::connect::Server;
use self::slow::Slow;
use self::state::State;
use crate::config;
use crate::error::Result;
use crate::model::{Change, TenantId};
use crate::tasks::Lifecycle;
use crate::telemetry::Postgres as Metrics;

pub use api_keys::ApiKeys;
pub use audit::Audit;
pub use idempotency::Idempotency;
pub use intents::Intents;
pub use listing::counted;
pub use migrations::{Migration, Migrations, Progress};
pub use orders::Orders;
pub use outbox::Outbox;
pub use products::Products;
pub use refresh_tokens::RefreshTokens;
pub use revocations::Revocations;
pub use scope::Scope;
pub use sessions::Sessions;
pub use state::Standing;
pub use tenants::Tenants;
pub use users::Users;
pub use work::Work;

/// A cheap handle on the database.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    pool: Pool,
    state: State,
    metrics: Metrics,
    slow: Slow,
    listener: Listener,
    lifecycle: Lifecycle,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    prepare: bool,
}

impl Store {
    /// A store that connects when it is first needed: a server that is down does not fail this.
    ///
    /// # Errors
    /// A URL or a file of authorities cannot be used.
    pub fn new(settings: &config::Postgres, lifecycle: Lifecycle, metrics: Metrics) -> Result<Self> {
        let server = Server::new(settings)?;
        Ok(Self(Arc::new(Inner {
            pool: acquire::pool(&server, settings)?,
            server,
            state: State::new(settings.migrate),
            metrics,
            slow: Slow::new(settings.slow_statement.get()),
            listener: Listener::default(),
            lifecycle,
            acquire_timeout: settings.acquire_timeout.get(),
            statement_timeout: settings.statement_timeout.get(),
            prepare: settings.prepare,
        })))
    }

    /// What belongs to one tenant. No query in it sees or changes anything of another.
    pub fn tenant(&self, tenant: TenantId) -> Scope {
        Scope::tenant(self.clone(), tenant)
    }

    /// What concerns all tenants: finding one by its name, credentials before their tenant is known, revocations,
    /// the outbox, clearing away. Users, products, orders and the audit log are not visible in it.
    pub fn platform(&self) -> Scope {
        Scope::platform(self.clone())
    }

    /// What the platform does with one tenant: it sees what the platform sees and what that tenant does, and so can
    /// change a tenant and write into its audit log at once.
    pub fn platform_with(&self, tenant: TenantId) -> Scope {
        Scope::both(self.clone(), tenant)
    }

    /// From now on someone is told of what transactions of this process changed, as soon as they are committed.
    pub fn on_change(&self, listener: impl Fn(Change) + Send + Sync + 'static) {
        self.0.listener.set(Box::new(listener));
    }

    /// How the database stands, as far as this instance can tell.
    pub fn standing(&self) -> Standing {
        self.0.state.get()
    }

    /// Waits until the database serves.
    pub async fn is_up(&self) {
        self.0.state.is_up().await;
    }

    /// Watches over the server, on the background runtime, for as long as the process runs.
    pub fn watch(&self) {
        self.0.lifecycle.spawn("watch Postgres", watch::watch(self.clone()));
    }
}
