//! Where a gateway that does something with an order can be held from outside: at a call that the commerce service does
//! not answer, or at a statement or a commit that waits in Postgres.

use tokio_postgres::Client;

use crate::sockets::Shop;
use crate::support::http::{get, send};
use crate::support::wait::until;

/// What a gateway is about to do when it is held.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point {
    /// It has asked the commerce service, which does nothing and does not answer.
    Ask,
    /// It has sent the statement that makes this change.
    Write(Change),
    /// It has sent the commit of this change. The server goes on with it, although nobody hears of that.
    Commit(Change),
    /// The same, but the server loses the connection before it goes on.
    Lost(Change),
}

/// A change of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) event: &'static str,
    pub(crate) table: &'static str,
    /// Of which rows, by `OLD` and `NEW`.
    pub(crate) when: &'static str,
}

/// The connections of gateways.
const CONNECTIONS: &str =
    "FROM pg_stat_activity WHERE datname = current_database() AND usename = 'olympus_app'";

/// A point at which gateways are held from now on.
pub(crate) struct Held<'s> {
    shop: &'s Shop,
    point: Point,
    /// Holds the lock that they wait for.
    holder: Client,
    /// Calls that were left without an answer before.
    unanswered: u64,
}

impl<'s> Held<'s> {
    pub(crate) fn at(shop: &'s Shop, point: Point) -> Self {
        let (trigger, unanswered) = (trigger(point), unanswered(shop));
        let holder = shop.stage.runtime.block_on(async {
            let holder = shop.stage.database.connect("postgres").await;
            holder.batch_execute(&format!("SELECT pg_advisory_lock(1); {trigger}")).await.unwrap();
            holder
        });
        if trigger.is_empty() {
            assert_eq!(send("PUT", &shop.commerce.url("/faults"), &[], "hang").status, 204);
        }
        Self { shop, point, holder, unanswered }
    }

    /// Waits until a gateway is held there.
    pub(crate) fn until_reached(&self) {
        let waiting = format!("SELECT count(*) {CONNECTIONS} AND wait_event = 'advisory'");
        until(&format!("a gateway is held at {:?}", self.point), || {
            let is_reached = match self.point {
                Point::Ask => unanswered(self.shop) > self.unanswered,
                Point::Write(_) | Point::Commit(_) | Point::Lost(_) => self.count(&waiting) == 1,
            };
            is_reached.then_some(())
        });
    }

    /// Holds nobody any more, and waits until nothing is left of the connections of a gateway that is gone.
    pub(crate) fn release(self) {
        let lose = format!("SELECT count(pg_terminate_backend(pid)) {CONNECTIONS}");
        match self.point {
            Point::Ask => {
                assert_eq!(send("DELETE", &self.shop.commerce.url("/faults"), &[], "").status, 204);
            }
            Point::Write(_) | Point::Commit(_) => {}
            Point::Lost(_) => assert!(self.count(&lose) > 0),
        }
        assert_eq!(self.count("SELECT 1::bigint FROM pg_advisory_unlock(1)"), 1);
        let left = format!("SELECT count(*) {CONNECTIONS}");
        until("the database knows that the gateway is gone", || (self.count(&left) == 0).then_some(()));
        if let Point::Write(change) | Point::Commit(change) | Point::Lost(change) = self.point {
            self.shop.stage.sql(&format!("DROP TRIGGER held ON {}", change.table));
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.shop.stage.runtime.block_on(self.holder.query_one(sql, &[])).unwrap().get(0)
    }
}

/// How often the commerce service left a call without an answer.
fn unanswered(shop: &Shop) -> u64 {
    get(&shop.commerce.url("/faults")).json()["injected"]["hang"].as_u64().unwrap_or_default()
}

/// What makes a change wait for whoever holds the lock.
fn trigger(point: Point) -> String {
    let (kind, time, change, deferred) = match point {
        Point::Ask => return String::new(),
        Point::Write(change) => ("", "BEFORE", change, ""),
        // Triggers of this kind run as the first thing of a commit.
        Point::Commit(change) | Point::Lost(change) => {
            ("CONSTRAINT", "AFTER", change, "DEFERRABLE INITIALLY DEFERRED")
        }
    };
    let Change { event, table, when } = change;
    format!(
        "CREATE OR REPLACE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_xact_lock_shared(1);
             RETURN coalesce(NEW, OLD);
         END $$;
         CREATE {kind} TRIGGER held {time} {event} ON {table} {deferred}
             FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION held()"
    )
}
