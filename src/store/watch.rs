//! The watch over the server: one connection of its own that asks it again and again. While the server is down,
//! nobody waits for it, and it is tried again with growing, jittered pauses, so that many instances do not come at
//! the same moment when it is back.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Standing, Store};
use crate::error::{Error, Kind, Result};

/// Between two questions while all is well.
const CALM: Duration = Duration::from_secs(1);

/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What the role of this connection may do that it should not. One row, without a word where all is well.
const FAULT: &str = "
    SELECT CASE
        WHEN rolsuper THEN 'is a superuser'
        WHEN rolbypassrls THEN 'bypasses row-level security'
        WHEN EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND pg_has_role(current_user, relowner, 'USAGE')) THEN 'owns tables'
    END AS fault, current_user::text AS role
    FROM pg_roles WHERE rolname = current_user";

pub(super) async fn watch(store: Store) {
    let mut pause = PAUSES.0;
    loop {
        let ended = match connect(&store).await {
            Ok(client) => {
                pause = PAUSES.0;
                ask_again_and_again(&store, &client).await
            }
            Err(error) => error,
        };
        store.lost(&ended);
        // From half of the pause to all of it.
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn connect(store: &Store) -> Result<Client> {
    store.migrate_once().await?;
    store.0.server.connect(&store.0.lifecycle).await
}

/// Ends with why the server is to be called lost.
async fn ask_again_and_again(store: &Store, client: &Client) -> Error {
    loop {
        // Longer than requests wait: a server that is only slow is not given up.
        match timeout(store.0.acquire_timeout + store.0.server.connect_timeout, client.simple_query(FAULT))
            .await
        {
            Err(_) => return Error::new(Kind::Unavailable, "ask Postgres how it is: it fell silent"),
            Ok(Err(error)) => return super::failure::unavailable("ask Postgres how it is", error),
            Ok(Ok(answer)) => store.found(&answer),
        }
        store.measure();
        tokio::select! {
            () = sleep(CALM) => {}
            () = store.0.state.suspected() => {}
        }
    }
}

impl Store {
    fn found(&self, answer: &[SimpleQueryMessage]) {
        let row = answer
            .iter()
            .find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        let fault = row.and_then(|row| row.get("fault"));
        let role = row.and_then(|row| row.get("role")).unwrap_or_default();
        self.0.metrics.up(fault.is_none());
        let standing = if fault.is_some() { Standing::Unfit } else { Standing::Up };
        if self.0.state.set(standing) {
            match fault {
                None => tracing::info!(role, "Postgres serves"),
                Some(fault) => tracing::error!(
                    role,
                    fault,
                    "the role in postgres.url is not safe: row-level security would not hold it, so nothing is \
                     served from the database; give the gateway a role that is only a member of olympus_app"
                ),
            }
        }
    }

    fn lost(&self, error: &Error) {
        self.0.metrics.up(false);
        if self.0.state.set(Standing::Down) {
            tracing::error!(%error, "Postgres cannot be reached: nothing is served from the database until it can");
        }
        // Those that are idle would each make somebody wait.
        self.0.pool.retain(|_, _| false);
        self.measure();
    }

    fn measure(&self) {
        let status = self.0.pool.status();
        let idle = status.available.min(status.size);
        self.0.metrics.connections(status.size - idle, idle, status.waiting);
    }
}
