//! What happens when Postgres stops, dies, or is used by the wrong role; and when a caller leaves.

use std::time::{Duration, Instant};

use olympus_gateway::error::{Error, Kind};
use olympus_gateway::model::{Expected, NewTenant, TenantChange, TenantId};
use olympus_gateway::store::{Standing, Store, Work};
use tokio::time::timeout;

use super::postgres::{Database, PATIENCE, Server, store};
use super::tenant;

/// Long enough for two noisy cores to notice what happens within the acquire timeout of these tests.
const GRACE: Duration = Duration::from_secs(2);

const QUICK: &str = "acquire_timeout = \"300ms\"\nconnect_timeout = \"300ms\"";

fn started(more: &str) -> (Server, Store) {
    let server = Server::start();
    let store = store(&server.settings("olympus_template", more));
    (server, store)
}

async fn ask(store: &Store) -> Result<(), Error> {
    store.platform().run(|work| async move { work.tenants().find("nobody").await.map(drop) }).await
}

/// Asks, and checks that the refusal came within the acquire timeout.
async fn refused(store: &Store) {
    let began = Instant::now();
    let error = ask(store).await.expect_err("no database");
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(began.elapsed() < Duration::from_millis(300) + GRACE, "{:?}", began.elapsed());
}

async fn recovers(store: &Store) {
    timeout(PATIENCE, store.is_up()).await.expect("it is up again");
    ask(store).await.expect("an answer");
}

fn no_limits() -> TenantChange {
    TenantChange { limits: Some(serde_json::Map::new()), ..TenantChange::default() }
}

#[tokio::test]
async fn a_server_that_stops_is_unavailable_within_the_acquire_timeout_and_recovers() {
    let (server, store) = started(QUICK);
    recovers(&store).await;
    server.signal("STOP");
    for _ in 0..3 {
        refused(&store).await;
    }
    server.signal("CONT");
    recovers(&store).await;
}

#[tokio::test]
async fn a_server_that_is_killed_is_unavailable_and_recovers_when_it_is_started_again() {
    let (mut server, store) = started(QUICK);
    recovers(&store).await;
    server.kill();
    refused(&store).await;
    refused(&store).await;
    server.start_again();
    server.ready().await;
    let back = async {
        while ask(&store).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.expect("it recovers by itself");
}

#[tokio::test]
async fn a_store_may_start_before_its_server() {
    let (mut server, _) = started(QUICK);
    server.kill();
    let store = store(&server.settings("olympus_template", QUICK));
    refused(&store).await;
    server.start_again();
    recovers(&store).await;
}

#[tokio::test]
async fn a_role_that_row_level_security_would_not_hold_is_refused() {
    let database = Database::new().await;
    let owner = database.connect("olympus").await;
    owner.batch_execute("SELECT 1").await.unwrap();
    for role in ["postgres", "olympus"] {
        let mut settings = database.settings("");
        settings.url = settings.url.expose().replace("olympus_app", role).parse().expect("a URL");
        let store = store(&settings);
        // Asked at once: nobody is let through before the role is known either.
        assert_eq!(ask(&store).await.expect_err(role).kind(), Kind::Unavailable);
        assert_eq!(store.standing(), Standing::Unfit, "{role}");
    }
}

#[tokio::test]
async fn an_empty_pool_refuses_within_the_acquire_timeout() {
    let database = Database::new().await;
    let store = store(&database.settings(&format!("pool = 1\n{QUICK}")));
    let (holding, held) = tokio::sync::oneshot::channel();
    let holding = std::sync::Mutex::new(Some(holding));
    let hold = store.platform();
    let hold = hold.run(|_work| {
        holding.lock().unwrap().take().unwrap().send(()).unwrap();
        std::future::pending::<Result<(), Error>>()
    });
    tokio::select! {
        _ = hold => panic!("it holds its connection for ever"),
        () = async { held.await.unwrap(); refused(&store).await } => {}
    }
    // The one who held it is gone, and its connection with it: the next one gets another.
    ask(&store).await.expect("an answer");
}

#[tokio::test]
async fn who_leaves_leaves_no_statement_and_no_transaction_behind() {
    let database = Database::new().await;
    let store = store(&database.settings("pool = 1\nstatement_timeout = \"60s\""));
    let acme = tenant(&store, "acme").await.id;
    let admin = database.connect("postgres").await;
    // Somebody else has locked the row, so the change waits.
    admin.batch_execute("BEGIN; SELECT * FROM tenants FOR UPDATE").await.unwrap();
    let change = |work: Work| async move { work.tenants().update(acme, &Expected::Any, &no_limits()).await };
    let watcher = database.connect("postgres").await;
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND usename = 'olympus_app' AND state <> 'idle'";
    let until = async |count: i64| {
        while watcher.query_one(busy, &[]).await.unwrap().get::<_, i64>(0) != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let scope = store.platform();
    tokio::select! {
        _ = scope.run(change) => panic!("the row is locked"),
        () = until(1) => {}
    }
    timeout(PATIENCE, until(0)).await.expect("the statement is cancelled");
    admin.batch_execute("COMMIT").await.unwrap();
    let now = store.platform().run(|work| async move { work.tenants().get(acme).await }).await;
    assert_eq!(now.expect("acme").version, 1, "nothing was changed");
}

#[tokio::test]
async fn a_statement_ends_with_its_time() {
    let database = Database::new().await;
    let store = store(&database.settings("statement_timeout = \"200ms\""));
    let acme = tenant(&store, "acme").await.id;
    let admin = database.connect("postgres").await;
    admin.batch_execute("BEGIN; SELECT * FROM tenants FOR UPDATE").await.unwrap();
    let change = |work: Work| async move { work.tenants().update(acme, &Expected::Any, &no_limits()).await };
    let error = store.platform().run(change).await.expect_err("out of time");
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    admin.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn work_that_failed_is_undone_and_its_connection_used_again() {
    let database = Database::new().await;
    let store = store(&database.settings("pool = 1"));
    let acme = tenant(&store, "acme").await.id;
    let platform = store.platform();
    let failed = platform.run(|work| async move {
        work.tenants().update(acme, &Expected::Any, &no_limits()).await?;
        Err::<(), _>(Error::new(Kind::Conflict, "on second thoughts"))
    });
    assert_eq!(failed.await.expect_err("it failed").kind(), Kind::Conflict);
    let now = store.platform().run(|work| async move { work.tenants().get(acme).await }).await;
    assert_eq!(now.expect("acme").version, 1);
}

#[tokio::test]
async fn a_transaction_of_which_a_statement_failed_is_never_called_done() {
    let database = Database::new().await;
    let store = database.store();
    tenant(&store, "acme").await;
    let work = |work: Work| async move {
        let new = |slug: &str| NewTenant { id: TenantId::new(), slug: slug.to_owned(), name: "N".to_owned() };
        work.tenants().create(&new("fine")).await?;
        drop(work.tenants().create(&new("acme")).await.expect_err("taken"));
        Ok(())
    };
    assert_eq!(store.platform().run(work).await.expect_err("not done").kind(), Kind::Internal);
    let fine = store.platform().run(|work| async move { work.tenants().find("fine").await }).await;
    assert_eq!(fine.expect("an answer"), None);
}

#[tokio::test]
async fn a_deadlock_is_resolved_by_beginning_again() {
    let database = Database::new().await;
    let store = database.store();
    let (one, two) = (tenant(&store, "one").await.id, tenant(&store, "two").await.id);
    let both_have_one = &tokio::sync::Barrier::new(2);
    let first_time = &[true, true].map(std::sync::atomic::AtomicBool::new);
    let lock = async |who: usize, order: [TenantId; 2]| {
        let scope = store.platform();
        let work = |work: Work| async move {
            work.tenants().update(order[0], &Expected::Any, &no_limits()).await?;
            if first_time[who].swap(false, std::sync::atomic::Ordering::Relaxed) {
                both_have_one.wait().await;
            }
            work.tenants().update(order[1], &Expected::Any, &no_limits()).await
        };
        scope.run(work).await.map(drop)
    };
    let done = futures_util::future::join(lock(0, [one, two]), lock(1, [two, one])).await;
    assert!(done.0.is_ok() && done.1.is_ok(), "{done:?}");
}

#[tokio::test]
async fn statements_need_no_preparation_behind_a_pooler() {
    let database = Database::new().await;
    let store = store(&database.settings("prepare = false"));
    let acme = tenant(&store, "acme").await;
    let found = store.platform().run(|work| async move { work.tenants().find("acme").await }).await;
    assert_eq!(found.expect("an answer"), Some(acme));
}
