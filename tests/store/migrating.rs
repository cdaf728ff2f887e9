//! Migrations: many at once, changed ones, and what is listed.

use blake2::{Blake2s256, Digest as _};
use olympus_gateway::error::Kind;
use olympus_gateway::store::{Migrations, Progress};
use olympus_gateway::tasks::Lifecycle;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::postgres::Database;

async fn migrations(database: &Database) -> Migrations {
    let lifecycle = Lifecycle::new(Handle::current());
    Migrations::connect(&database.settings(""), &lifecycle).await.expect("a connection")
}

#[tokio::test]
async fn ten_instances_migrate_at_once_and_each_step_is_applied_once() {
    let database = Database::empty().await;
    let all = (0..10).map(|_| async { migrations(&database).await.apply().await.expect("migrated") });
    let applied: Vec<_> = futures_util::future::join_all(all).await;
    let mut counts: Vec<usize> = applied.iter().map(Vec::len).collect();
    counts.sort_unstable();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = std::fs::read_dir(folder).expect("the migrations").count();
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 0, 0, files]);
    assert_eq!(applied.concat()[0], "V1__tenants");
}

#[tokio::test]
async fn what_waits_is_listed_and_then_what_was_applied() {
    let database = Database::empty().await;
    let mut migrations = migrations(&database).await;
    let before = migrations.list().await.expect("a list");
    assert!(before.iter().all(|migration| migration.progress == Progress::Pending), "{before:?}");
    migrations.apply().await.expect("migrated");
    let after = migrations.list().await.expect("a list");
    assert!(after.iter().all(|migration| migration.progress == Progress::Applied), "{after:?}");
    assert_eq!(after.len(), before.len());
}

#[tokio::test]
async fn a_migration_that_was_edited_is_refused_with_its_name() {
    let database = Database::new().await;
    let owner = database.connect("olympus").await;
    owner.batch_execute("UPDATE olympus_migrations SET checksum = '1' WHERE version = 2").await.unwrap();
    let error = migrations(&database).await.apply().await.expect_err("refused");
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.message().contains("V2__users was applied with another text"), "{error}");
    let listed = migrations(&database).await.list().await.expect_err("refused");
    assert_eq!(listed.message(), error.message());
}

#[tokio::test]
async fn tables_newer_than_the_program_are_refused() {
    let database = Database::new().await;
    let owner = database.connect("olympus").await;
    let later = "INSERT INTO olympus_migrations SELECT 99, 'later', applied_on, checksum FROM olympus_migrations LIMIT 1";
    owner.batch_execute(later).await.unwrap();
    let error = migrations(&database).await.apply().await.expect_err("refused");
    assert!(error.message().contains("V99__later was applied, and this program does not know it"), "{error}");
}

#[tokio::test]
async fn the_demo_data_is_added_once_with_the_users_of_the_auth_service() {
    let database = Database::new().await;
    let mut migrations = migrations(&database).await;
    let superuser = database.connect("postgres").await;
    let sums =
        "SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM users), (SELECT count(*) FROM grants),
        (SELECT count(*) FROM products), (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items),
        (SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders AS o)";
    let mut seen = Vec::new();
    for _ in 0..2 {
        migrations.seed_demo().await.expect("demo data");
        let row = superuser.query_one(sums, &[]).await.unwrap();
        let counts: Vec<i64> = (0..6).map(|column| row.get(column)).collect();
        assert_eq!(counts[..5], [2, 6, 6, 200, 500]);
        seen.push((counts, row.get::<_, String>(6)));
    }
    assert_eq!(seen[0], seen[1]);
    let users =
        superuser.query("SELECT slug, email, u.id FROM users u JOIN tenants t ON t.id = tenant_id", &[]);
    for row in users.await.unwrap() {
        let (tenant, email): (String, String) = (row.get(0), row.get(1));
        assert_eq!(row.get::<_, Uuid>(2), user_id(&tenant, &email), "{email}");
    }
}

/// As the auth service derives the ids of its demo users.
fn user_id(tenant: &str, email: &str) -> Uuid {
    let digest: [u8; 32] = Blake2s256::digest(format!("{tenant}/{email}")).into();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
