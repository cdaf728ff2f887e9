//! How long a request may take reaches the database: what nobody waits for any more does not run there, and what took
//! long is said in the log.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;

use crate::stage::{ADMIN, Device, Keys, PASSWORD, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::wait::{pass, until};
use crate::support::wire::Wire;

/// Statements of gateways that wait for the lock on sessions.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND usename = 'olympus_app' AND wait_event_type = 'Lock' AND query LIKE '%FROM sessions%'";

/// Longer than any test waits.
const PATIENT: &str = "statement_timeout = \"60s\"";

/// A stage on which nobody can read sessions until the lock is dropped.
struct Locked<'s> {
    stage: &'s Stage,
    holder: Client,
    /// A transaction would see the same activity all the time.
    watcher: Client,
}

impl<'s> Locked<'s> {
    fn of(stage: &'s Stage) -> Self {
        let (holder, watcher) = stage.runtime.block_on(async {
            let holder = stage.database.connect("postgres").await;
            holder.batch_execute("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await.unwrap();
            (holder, stage.database.connect("postgres").await)
        });
        Self { stage, holder, watcher }
    }

    fn until_waiting(&self, count: i64) {
        until(&format!("{count} statements wait"), || {
            let row = self.stage.runtime.block_on(self.watcher.query_one(WAITING, &[])).unwrap();
            (row.get::<_, i64>(0) == count).then_some(())
        });
    }

    fn release(self) {
        self.stage.runtime.block_on(self.holder.batch_execute("COMMIT")).unwrap();
    }
}

fn bearer(pair: &Value) -> String {
    format!("authorization: Bearer {}", pair["access_token"].as_str().unwrap())
}

fn ask_for_sessions(gateway: &Gateway, pair: &Value, id: &str) -> Wire {
    let mut wire = gateway.wire();
    wire.ask("GET", "/api/v1/auth/sessions", &[&bearer(pair), &format!("x-request-id: {id}")]);
    wire
}

#[test]
fn a_client_that_leaves_takes_its_statement_along() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys {
        postgres: PATIENT,
        route: "response_timeout = \"60s\"",
        ..Keys::default()
    });
    let pair = Device(&gateway, "phone").log_in(ADMIN);
    let locked = Locked::of(&stage);
    let wire = ask_for_sessions(&gateway, &pair, "leaving-client");
    locked.until_waiting(1);
    drop(wire);
    locked.until_waiting(0);
    locked.release();
    assert_eq!(gateway.line_of("leaving-client")["flag"], "DC");
    assert_eq!(Device(&gateway, "phone").with(&pair["access_token"], "GET", "sessions").status, 200);
}

#[test]
fn the_time_of_a_request_ends_its_statements() {
    let stage = Stage::new();
    for (route, expected) in [
        ("response_timeout = \"300ms\"", (503, "unavailable".to_owned())),
        ("response_timeout = \"60s\"\nmax_duration = \"300ms\"", (504, "duration_exceeded".to_owned())),
    ] {
        let gateway = stage.gateway_with(&Keys { postgres: PATIENT, route, ..Keys::default() });
        let phone = Device(&gateway, "phone");
        let pair = until("a login in time", || {
            let answer = phone.try_log_in("acme", ADMIN, PASSWORD);
            (answer.status == 200).then(|| answer.json()["data"].clone())
        });
        let locked = Locked::of(&stage);
        let answer = phone.with(&pair["access_token"], "GET", "sessions");
        let seen = code(&answer);
        assert!(seen == expected || (seen.0 == 503 && expected.0 == 504), "{route}: {seen:?}");
        locked.until_waiting(0);
        locked.release();
    }
}

#[test]
fn a_slow_statement_is_said_with_the_hash_of_its_plan_and_whose_request_it_served() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { postgres: "slow_statement = \"200ms\"", ..Keys::default() });
    let pair = Device(&gateway, "phone").log_in(ADMIN);
    let locked = Locked::of(&stage);
    let mut wire = ask_for_sessions(&gateway, &pair, "slow-request");
    locked.until_waiting(1);
    pass(Duration::from_millis(250));
    locked.release();
    assert_eq!(wire.answer().status, 200);
    let is_meant = |line: &str| line.contains("a statement was slow") && line.contains("slow-request");
    let line: Value = serde_json::from_str(&gateway.messages.find("the statement", is_meant)).unwrap();
    assert_eq!(line["statement"], "SELECT sessions", "{line}");
    for hash in ["statement_hash", "plan_hash"] {
        assert_eq!(line[hash].as_str().map(str::len), Some(16), "{line}");
    }
    assert!(line["plan"].as_str().is_some_and(|plan| plan.contains("sessions")), "{line}");
    assert!(line["duration_ms"].as_u64().is_some_and(|took| took >= 200), "{line}");
    assert_eq!(Device(&gateway, "phone").with(&pair["access_token"], "GET", "sessions").status, 200);
}
