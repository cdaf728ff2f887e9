//! A connection for a transaction, within the acquire timeout whatever the server does.

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
    Runtime, Timeouts,
};
use tokio::time::Instant;
use tokio_postgres::NoTls;
use tokio_postgres::types::Type;

use super::connect::{Server, Tls};
use super::failure;
use super::work::CONFINE;
use super::{Standing, Store};
use crate::config;
use crate::error::{Error, Kind, Result};

/// The pool of connections that serve requests. It opens them when they are needed.
pub(super) fn pool(server: &Server, settings: &config::Postgres) -> Result<Pool> {
    // A connection that is closed is noticed without asking; one that fell silent when its transaction begins.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &server.tls {
        Tls::Off => Manager::from_config(server.requests.clone(), NoTls, recycling),
        Tls::Verified(tls) => Manager::from_config(server.requests.clone(), tls.clone(), recycling),
    };
    let timeouts = Timeouts {
        wait: Some(settings.acquire_timeout.get()),
        create: Some(settings.connect_timeout.get()),
        recycle: Some(settings.acquire_timeout.get()),
    };
    let mut builder =
        Pool::builder(manager).max_size(settings.pool).timeouts(timeouts).runtime(Runtime::Tokio1);
    if settings.prepare {
        builder = builder.post_create(Hook::async_fn(|connection, _| Box::pin(prepare(connection))));
    }
    builder
        .build()
        .map_err(|error| Error::internal("make the pool of connections to Postgres").caused_by(error))
}

/// Prepares what each transaction begins with, so that it is sent at once.
async fn prepare(connection: &mut ClientWrapper) -> Result<(), HookError> {
    let prepared = connection.prepare_typed_cached(CONFINE, &[Type::TEXT, Type::TEXT, Type::TEXT]).await;
    prepared.map(drop).map_err(HookError::Backend)
}

impl Store {
    /// A connection from the pool. The caller bounds the time.
    ///
    /// # Errors
    /// Unavailable: at once while the server is known to be down.
    pub(super) async fn connection(&self) -> Result<Object> {
        let refuse =
            |why| Err(Error::new(Kind::Unavailable, format!("the database is not available: {why}")));
        match self.0.state.known().await {
            Standing::Down => return refuse("the server cannot be reached"),
            Standing::Unfit => return refuse("its role may do more than the gateway's should; see the log"),
            Standing::Starting | Standing::Up => {}
        }
        let began = Instant::now();
        let got = self.0.pool.get().await;
        self.0.metrics.waited(began.elapsed(), got.is_ok());
        got.map_err(|error| {
            if !matches!(error, PoolError::Timeout(deadpool_postgres::TimeoutType::Wait)) {
                self.0.state.suspect();
            }
            failure::unavailable("get a connection to Postgres", error)
        })
    }
}
