//! A transaction at work. Its connection goes back to the pool only when the transaction has ended; a connection
//! that is left in the middle is closed, and what it was doing is cancelled.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row};

use super::connect::Tls;
use super::scope::Whose;
use super::{Store, changes, failure, slow, trace};
use crate::error::{Error, Kind, Result};
use crate::model::{Change, Nouns, TenantId};

/// A value bound to a statement, with its type: no statement needs to be asked for its types then.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The parameter of a value.
pub(super) fn param<'a>(value: &'a (dyn ToSql + Sync), kind: Type) -> Parameter<'a> {
    (value, kind)
}

const BEGIN: &str = "BEGIN";
/// What a transaction may see, and how long its statements may take: the tenant, the scope, milliseconds.
pub(super) const CONFINE: &str =
    "SELECT set_config('olympus.tenant', $1, true), set_config('olympus.scope', $2, true),
    set_config('statement_timeout', $3, true)";

/// The server ends statements at the deadline by itself; after this much longer it counts as silent.
const GRACE: Duration = Duration::from_millis(250);

/// Whether a connection keeps a statement prepared for the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Prepared,
    Not,
}

/// A transaction that has begun: a cheap handle on it for the store's functions.
#[derive(Debug, Clone)]
pub struct Work(Arc<Begun>);

#[derive(Debug)]
struct Begun {
    store: Store,
    /// Taken when it is dropped.
    connection: Option<Object>,
    whose: Whose,
    /// When it must have begun, and when it must have ended.
    begin_by: Instant,
    deadline: Instant,
    has_begun: AtomicBool,
    /// The server does not answer any more.
    is_silent: AtomicBool,
    has_ended: AtomicBool,
    /// A statement failed, so Postgres would undo everything even if asked to commit it.
    has_failed: AtomicBool,
    /// Statements sent and not answered.
    asked: AtomicUsize,
    /// Some statement did more than read.
    has_written: AtomicBool,
    /// What its statements change, as bits of [`Nouns`].
    changed: AtomicU8,
    is_committing: AtomicBool,
}

impl Work {
    /// A transaction that sees what it may and ends with its time. It begins with its first statement.
    pub(super) fn new(
        store: &Store,
        connection: Object,
        whose: Whose,
        (begin_by, deadline): (Instant, Instant),
    ) -> Self {
        Self(Arc::new(Begun {
            store: store.clone(),
            connection: Some(connection),
            whose,
            begin_by,
            deadline,
            has_begun: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            has_written: AtomicBool::new(false),
            changed: AtomicU8::new(0),
            is_committing: AtomicBool::new(false),
        }))
    }

    /// Begins it. Nothing that is set outlives the transaction, so a pooler may give the connection to anybody after it.
    /// What sets the tenant has been prepared with the connection: else what is prepared already would overtake it.
    async fn begin(&self) -> Result<()> {
        let (tenant, scope) = match self.0.whose {
            Whose::Tenant(tenant) => (tenant.to_string(), ""),
            Whose::Platform => (String::new(), "platform"),
            Whose::Both(tenant) => (tenant.to_string(), "platform"),
        };
        let left = self.0.deadline.saturating_duration_since(Instant::now()).as_millis().max(1).to_string();
        let confined = [param(&tenant, Type::TEXT), param(&scope, Type::TEXT), param(&left, Type::TEXT)];
        // Both are sent at once, in this order.
        let (begun, confined) =
            futures_util::future::join(self.bare(BEGIN), self.traced(CONFINE, &confined, Kept::Prepared))
                .await;
        begun.and(confined).map(drop)
    }

    /// Begins it within its time. A server that fell silent shows here, in the answer to its first statement.
    async fn begin_in_time(&self) -> Result<()> {
        match timeout_at(self.0.begin_by, self.begin()).await {
            Ok(begun) => begun,
            Err(_) => {
                self.0.is_silent.store(true, Ordering::Relaxed);
                Err(self.0.store.late(self.0.begin_by < self.0.deadline))
            }
        }
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
        // Boxed: each function that waits for it would else have its room too, and be moved about with it.
        Box::pin(self.run(sql, parameters, Kept::Prepared)).await
    }

    /// The same of a statement of which there are too many to keep them prepared.
    ///
    /// # Errors
    /// As [`Work::query`].
    pub(super) async fn query_once(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        Box::pin(self.run(sql, parameters, Kept::Not)).await
    }

    async fn run(&self, sql: &str, parameters: &[Parameter<'_>], kept: Kept) -> Result<Vec<Row>> {
        if !changes::only_reads(sql) {
            self.0.has_written.store(true, Ordering::Relaxed);
            self.0.changed.fetch_or(changes::of(sql).bits(), Ordering::Relaxed);
        }
        let began = Instant::now();
        // Boxed: most statements need no room for either.
        let beginning = async {
            match self.0.has_begun.swap(true, Ordering::Relaxed) {
                true => Ok(()),
                false => Box::pin(self.begin_in_time()).await,
            }
        };
        // The first one goes out together with those that begin the transaction: waiting for them would take a round
        // trip more. Where it does not begin, the server refuses what comes after.
        let both = futures_util::future::try_join(beginning, self.traced(sql, parameters, kept));
        let rows = both.await.map(|((), rows)| rows);
        if let Some(took) = self.0.store.0.slow.exceeded(began) {
            Box::pin(self.report(sql, parameters, (took, &rows))).await;
        }
        rows
    }

    async fn traced(&self, sql: &str, parameters: &[Parameter<'_>], kept: Kept) -> Result<Vec<Row>> {
        let span = trace::begin(sql);
        let rows = span.clone().run(self.rows(sql, parameters, kept)).await;
        trace::end(&span, &rows);
        rows
    }

    async fn rows(&self, sql: &str, parameters: &[Parameter<'_>], kept: Kept) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        self.ask(async {
            if kept == Kept::Not || !self.0.store.0.prepare {
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
        let span = trace::begin(sql);
        let began = Instant::now();
        let done = self.ask(connection.batch_execute(sql)).await;
        // What a beginning waited for shows in the first statement too.
        if let Some(took) = self.0.store.0.slow.exceeded(began).filter(|_| sql != BEGIN) {
            slow::say(sql, (took, None), None);
        }
        if let Err(error) = &done {
            trace::fail(&span, error);
        }
        done
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

    /// Says that a statement was slow, with the shape of its plan where that may be asked for. It must not spoil the
    /// transaction: what fails is undone up to where it began.
    async fn report(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        (took, rows): (Duration, &Result<Vec<Row>>),
    ) {
        let left = self.0.deadline.saturating_duration_since(Instant::now());
        let may_ask = rows.is_ok() && !self.0.has_failed.load(Ordering::Relaxed);
        let plan = match may_ask && self.0.store.0.slow.may_explain(sql, left, Instant::now()) {
            true => self.plan(sql, parameters).await,
            false => None,
        };
        slow::say(sql, (took, rows.as_ref().ok().map(Vec::len)), plan);
    }

    /// The plan of a statement, as Postgres would choose it for these values. The statement itself is not run.
    async fn plan(&self, sql: &str, parameters: &[Parameter<'_>]) -> Option<slow::Plan> {
        let connection = self.connection().ok()?;
        let explain = format!("EXPLAIN (FORMAT JSON) {sql}");
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        // All three are sent at once, in this order.
        let asking = futures_util::future::join3(
            connection.batch_execute("SAVEPOINT explain"),
            connection.query_typed(&explain, parameters),
            connection.batch_execute("ROLLBACK TO SAVEPOINT explain"),
        );
        let Ok((_, explained, back)) = timeout_at(self.0.deadline + GRACE, asking).await else {
            self.0.has_failed.store(true, Ordering::Relaxed);
            return None;
        };
        self.0.asked.fetch_sub(1, Ordering::Relaxed);
        self.0.has_failed.fetch_or(back.is_err(), Ordering::Relaxed);
        let rows = explained.inspect_err(|error| tracing::debug!(%error, "explain a slow statement")).ok()?;
        slow::Plan::of(&rows.first()?.try_get(0).ok()?)
    }

    fn connection(&self) -> Result<&Object> {
        let connection = self.0.connection.as_ref().filter(|_| !self.0.has_ended.load(Ordering::Relaxed));
        connection.ok_or_else(|| Error::internal("a transaction was used after its end"))
    }

    /// Of a transaction that only read, nobody waits for the end: nothing hangs on it, and whatever the connection is
    /// used for next comes after it.
    ///
    /// # Errors
    /// What had been put off until now fails, or the connection is lost: then nobody knows whether it was committed.
    pub(super) async fn commit(self) -> Result<()> {
        if self.0.has_failed.load(Ordering::Relaxed) {
            self.undo().await;
            return Err(Error::internal("commit a transaction of which a statement failed"));
        }
        if !self.0.has_begun.load(Ordering::Relaxed) {
            self.0.has_ended.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if !self.0.has_written.load(Ordering::Relaxed) {
            // Polled once, it is sent. A connection that is lost is noticed before it is used again.
            drop(trace::begin("COMMIT"));
            let _ = self.connection()?.batch_execute("COMMIT").now_or_never();
            self.0.has_ended.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.0.is_committing.store(true, Ordering::Relaxed);
        self.bare("COMMIT").await?;
        self.0.has_ended.store(true, Ordering::Relaxed);
        self.0.tell(true);
        Ok(())
    }

    /// Undoes it. Where that fails, the connection is closed, which does the same.
    pub(super) async fn undo(self) {
        if self.0.is_silent.load(Ordering::Relaxed) {
            return;
        }
        if !self.0.has_begun.load(Ordering::Relaxed) || self.bare("ROLLBACK").await.is_ok() {
            self.0.has_ended.store(true, Ordering::Relaxed);
        }
    }
}

impl Begun {
    /// Tells of what it changed, which may not be done yet where nobody heard of its end.
    fn tell(&self, is_done: bool) {
        let tenant = match self.whose {
            Whose::Tenant(tenant) | Whose::Both(tenant) => Some(tenant),
            Whose::Platform => None,
        };
        let nouns = Nouns::of_bits(self.changed.load(Ordering::Relaxed));
        self.store.0.listener.tell(Change { tenant, nouns, is_done });
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.has_ended.load(Ordering::Relaxed) || !self.has_begun.load(Ordering::Relaxed) {
            return;
        }
        if self.is_committing.load(Ordering::Relaxed) {
            self.tell(false);
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
