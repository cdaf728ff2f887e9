//! The catalogue of the database: no table of tenants without a forced policy, no role that could go past it.

use tokio_postgres::Client;

use super::postgres::Database;

/// Tables that hold something of tenants, without what confines them.
const UNCONFINED: &str = "
    SELECT c.relname::text FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
        AND (c.relname = 'tenants' OR EXISTS (SELECT FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p
            WHERE p.polrelid = c.oid AND p.polname = 'tenant' AND p.polpermissive AND p.polroles = '{0}'
            AND pg_get_expr(p.polqual, p.polrelid) LIKE
                '(% = (NULLIF(current_setting(''olympus.tenant''::text, true), ''''::text))::uuid)'))
    ORDER BY 1";

/// Policies beside that of the tenant, as `table name role`.
const FURTHER: &str = "
    SELECT format('%s %s %s', polrelid::regclass, polname, coalesce(nullif(polroles, '{0}')::regrole[]::text, 'all'))
    FROM pg_policy WHERE polname <> 'tenant' ORDER BY 1";

/// Tables that reference another without its tenant.
const LOOSE_KEYS: &str = "
    SELECT conname::text FROM pg_constraint k
    WHERE contype = 'f' AND confrelid <> 'tenants'::regclass AND NOT EXISTS (SELECT FROM pg_attribute a
        WHERE a.attrelid = k.conrelid AND a.attname = 'tenant_id' AND a.attnum = ANY (k.conkey))
    ORDER BY 1";

async fn names(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_table_of_tenants_is_confined_by_a_forced_policy() {
    let owner = Database::new().await.connect("olympus").await;
    assert_eq!(names(&owner, UNCONFINED).await, [""; 0]);
}

#[tokio::test]
async fn a_table_that_is_not_confined_is_found() {
    let owner = Database::new().await.connect("olympus").await;
    let faulty = "
        CREATE TABLE a_bare (tenant_id uuid);
        CREATE TABLE b_unforced (tenant_id uuid);
        ALTER TABLE b_unforced ENABLE ROW LEVEL SECURITY;
        CREATE TABLE c_without_policy (tenant_id uuid);
        ALTER TABLE c_without_policy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE TABLE d_wide_policy (tenant_id uuid);
        ALTER TABLE d_wide_policy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON d_wide_policy USING (true);
        ALTER TABLE users NO FORCE ROW LEVEL SECURITY";
    owner.batch_execute(faulty).await.unwrap();
    let found = names(&owner, UNCONFINED).await;
    assert_eq!(found, ["a_bare", "b_unforced", "c_without_policy", "d_wide_policy", "users"]);
}

#[tokio::test]
async fn what_goes_past_the_policy_of_tenants_is_known() {
    let owner = Database::new().await.connect("olympus").await;
    let known = [
        "api_keys platform all",
        "idempotency_keys platform all",
        "intents platform all",
        "outbox platform all",
        "products search {olympus}",
        "refresh_tokens platform all",
        "revocations platform all",
        "sessions platform all",
        "tenants platform all",
    ];
    assert_eq!(names(&owner, FURTHER).await, known);
}

#[tokio::test]
async fn foreign_keys_hold_the_tenant_too() {
    let owner = Database::new().await.connect("olympus").await;
    assert_eq!(names(&owner, LOOSE_KEYS).await, [""; 0]);
}

#[tokio::test]
async fn only_the_reviewed_functions_run_as_their_owner() {
    let owner = Database::new().await.connect("olympus").await;
    let definers = "SELECT proname::text FROM pg_proc
        WHERE prosecdef AND pronamespace = 'public'::regnamespace AND proowner <> 10 ORDER BY 1";
    assert_eq!(names(&owner, definers).await, ["matching_products", "search_products"]);
}

#[tokio::test]
async fn the_application_only_adds_to_the_audit_log() {
    let app = Database::new().await.connect("olympus_app").await;
    for sql in ["UPDATE audit_log SET actor = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
        let error = app.batch_execute(sql).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("permission denied"), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn the_application_cannot_lift_its_confinement() {
    let app = Database::new().await.connect("olympus_app").await;
    for sql in [
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON users",
        "CREATE POLICY all_of_them ON users USING (true)",
        "ALTER ROLE olympus_app BYPASSRLS",
        "SET ROLE olympus",
        "CREATE TABLE of_its_own (id int)",
        "SELECT * FROM olympus_migrations",
    ] {
        assert!(app.batch_execute(sql).await.is_err(), "{sql}");
    }
    let off = app.batch_execute("SET row_security = off; SELECT * FROM users").await.unwrap_err();
    assert!(off.as_db_error().unwrap().message().contains("row-level security"), "{off:?}");
}
