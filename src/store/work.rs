//! A transaction at work. Its connection goes back to the pool only when the transaction has ended; a connection
//! that is left in the middle is closed, and what it was doing is cancelled.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row};

use super::connect::Tls;
use super::scope::Whose;
use super::{Store, failure};
use crate::error::{Error, Kind, Result};
use crate::model::TenantId;

/// A value bound to a statement, with its type: no statement needs to be asked for its types then.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The parameter of a value.
pub(super) fn param<'a>(value: &'a (dyn ToSql + Sync), kind: Type) -> Parameter<'a> {
    (value, kind)
}

const CONFINE: &str = "SELECT set_config('olympus.tenant', $1, true), set_config('olympus.scope', $2, true),
    set_config('statement_timeout', $3, true)";

/// The server ends statements at the deadline by itself; after this much longer it counts as silent.
const GRACE: Duration = Duration::from_millis(250);

/// A transaction that has begun: a cheap handle on it for the store's functions.
#[derive(Debug, Clone)]
pub struct Work(Arc<Begun>);

#[derive(Debug)]
struct Begun {
    store: Store,
    /// Taken when it is dropped.
    connection: Option<Object>,
    whose: Whose,
    deadline: Instant,
    has_ended: AtomicBool,
    /// A statement failed, so Postgres would undo everything even if asked to commit it.
    has_failed: AtomicBool,
    /// Statements sent and not answered.
    asked: AtomicUsize,
}

impl Work {
    /// Begins a transaction that sees what it may and ends with its time. Nothing outlives the transaction, so a
    /// pooler may give the connection to anybody after it.
    pub(super) async fn begin(
        store: &Store,
        connection: Object,
        whose: Whose,
        deadline: Instant,
    ) -> Result<Self> {
        let work = Self(Arc::new(Begun {
            store: store.clone(),
            connection: Some(connection),
            whose,
            deadline,
            has_ended: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        }));
        let (tenant, scope) = match whose {
            Whose::Tenant(tenant) => (tenant.to_string(), ""),
            Whose::Platform => (String::new(), "platform"),
            Whose::Both(tenant) => (tenant.to_string(), "platform"),
        };
        let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1).to_string();
        let confined = [param(&tenant, Type::TEXT), param(&scope, Type::TEXT), param(&left, Type::TEXT)];
        // Both are sent at once, in this order.
        let (begun, confined) =
            futures_util::future::join(work.bare("BEGIN"), work.query(CONFINE, &confined)).await;
        begun.and(confined).map(|_| work)
    }

    /// The tenant whose data this is.
    ///
    /// # Errors
    /// The transaction is the platform's: a mistake of ours.
    pub(super) fn tenant(&self) -> Result<TenantId> {
        match self.0.whose {
            Whose::Tenant(tenant) | Whose::Both(tenant) => Ok(tenant),
            Whose::Platform => Err(Error::internal("what belongs to a tenant was asked for without one")),
        }
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// As the table in `store/failure.rs` says.
    pub(super) async fn query(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        self.ask(async {
            if !self.0.store.0.prepare {
                return connection.query_typed(sql, parameters).await;
            }
            let types: Vec<Type> = parameters.iter().map(|parameter| parameter.1.clone()).collect();
            let values: Vec<_> = parameters.iter().map(|parameter| parameter.0).collect();
            let statement = connection.prepare_typed_cached(sql, &types).await?;
            connection.query(&statement, &values).await
        })
        .await
    }

    /// The row of a statement that gives one or none.
    ///
    /// # Errors
    /// As [`Work::query`].
    pub(super) async fn find(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Option<Row>> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    async fn bare(&self, sql: &str) -> Result<()> {
        let connection = self.connection()?;
        self.ask(connection.batch_execute(sql)).await
    }

    /// Asks the server, up to the deadline.
    async fn ask<T>(&self, asking: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let answer = timeout_at(self.0.deadline + GRACE, asking).await;
        let late = |_| {
            self.0.store.0.state.suspect();
            Error::new(Kind::Unavailable, "the database did not answer in time")
        };
        let answer = answer.map_err(late)?;
        self.0.asked.fetch_sub(1, Ordering::Relaxed);
        self.0.has_failed.fetch_or(answer.is_err(), Ordering::Relaxed);
        answer.map_err(failure::of)
    }

    fn connection(&self) -> Result<&Object> {
        let connection = self.0.connection.as_ref().filter(|_| !self.0.has_ended.load(Ordering::Relaxed));
        connection.ok_or_else(|| Error::internal("a transaction was used after its end"))
    }

    /// # Errors
    /// What had been put off until now fails, or the connection is lost: then nobody knows whether it was committed.
    pub(super) async fn commit(self) -> Result<()> {
        if self.0.has_failed.load(Ordering::Relaxed) {
            self.undo().await;
            return Err(Error::internal("commit a transaction of which a statement failed"));
        }
        self.bare("COMMIT").await?;
        self.0.has_ended.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Undoes it. Where that fails, the connection is closed, which does the same.
    pub(super) async fn undo(self) {
        if self.bare("ROLLBACK").await.is_ok() {
            self.0.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.has_ended.load(Ordering::Relaxed) {
            return;
        }
        let connection = Object::take(connection);
        if self.asked.load(Ordering::Relaxed) == 0 {
            return;
        }
        // The server does not notice before the statement has ended that nobody waits for it.
        let (token, inner) = (connection.cancel_token(), &self.store.0);
        let (tls, limit) = (inner.server.tls.clone(), inner.server.connect_timeout);
        inner.lifecycle.spawn("cancel a statement", async move {
            let cancelling = async {
                match tls {
                    Tls::Off => token.cancel_query(NoTls).await,
                    Tls::Verified(tls) => token.cancel_query(tls).await,
                }
            };
            match timeout(limit, cancelling).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a statement could not be cancelled"),
                Err(_) => tracing::debug!("a statement could not be cancelled in time"),
            }
        });
    }
}
