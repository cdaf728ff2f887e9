//! Row-level security alone: every table of the catalogue, with rows of two tenants, as the application's role that is
//! confined to one of them and sends statements without any filter.

use std::collections::BTreeMap;

use olympus_gateway::model::TenantId;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::postgres::Database;

const ROWS: &str = include_str!("../store/rows.sql");

/// A table that belongs to tenants, as the catalogue describes it.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    /// What says whose a row is.
    owner: String,
    /// What an `INSERT` may name.
    columns: Vec<String>,
}

/// Every table with a policy. A new one is in it by being made.
pub(crate) async fn tables(superuser: &Client) -> Vec<Table> {
    let catalogue = "
        SELECT relname::text, array_agg(attname::text ORDER BY attnum) FILTER (WHERE attgenerated = '' AND attidentity = ''),
            coalesce(max(attname::text) FILTER (WHERE attname = 'tenant_id'), 'id')
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity GROUP BY relname ORDER BY 1";
    let rows = superuser.query(catalogue, &[]).await.unwrap();
    let table =
        |row: &tokio_postgres::Row| Table { name: row.get(0), columns: row.get(1), owner: row.get(2) };
    rows.iter().map(table).collect()
}

/// The rows of a tenant with the transactions that wrote them: what was touched differs.
pub(crate) async fn rows(
    superuser: &Client,
    tables: &[Table],
    tenant: TenantId,
) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for Table { name, owner, .. } in tables {
        let all_of = format!(
            "SELECT it::text || ' ' || xmin || ' ' || xmax FROM {name} AS it WHERE {owner} = '{tenant}' ORDER BY 1"
        );
        let found = superuser.query(&all_of, &[]).await.unwrap();
        all.insert(name.clone(), found.iter().map(|row| row.get(0)).collect());
    }
    all
}

struct Stage {
    superuser: Client,
    app: Client,
    tables: Vec<Table>,
    own: TenantId,
    other: TenantId,
}

impl Stage {
    /// Two tenants with a row in every table, and the application confined to one of them.
    async fn set(database: &Database) -> Self {
        let (own, other) = (TenantId::new(), TenantId::new());
        let superuser = database.connect("postgres").await;
        for tenant in [own, other] {
            let fill = format!("DO $$ DECLARE tenant uuid := '{tenant}'; BEGIN {ROWS} END $$");
            superuser.batch_execute(&fill).await.unwrap();
        }
        let app = database.connect("olympus_app").await;
        let tables = tables(&superuser).await;
        Self { superuser, app, tables, own, other }
    }

    /// What a statement does within a transaction of the tenant that is undone: how many rows, or why none.
    async fn attempt(&self, statement: &str) -> Result<u64, SqlState> {
        self.app.batch_execute("BEGIN").await.unwrap();
        let confine = "SELECT set_config('olympus.tenant', $1, true)";
        self.app.query(confine, &[&self.own.to_string()]).await.unwrap();
        let done = self.app.execute(statement, &[]).await;
        self.app.batch_execute("ROLLBACK").await.unwrap();
        done.map_err(|error| error.code().cloned().unwrap_or_else(|| panic!("{statement}: {error:?}")))
    }

    /// Whether the role may send such statements at all.
    async fn may(&self, table: &Table, verb: &str) -> bool {
        let asked = "SELECT has_any_column_privilege('olympus_app', $1, $2)";
        let asked =
            if verb == "DELETE" { "SELECT has_table_privilege('olympus_app', $1, $2)" } else { asked };
        self.superuser.query_one(asked, &[&table.name, &verb]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn every_table_shows_the_rows_of_one_tenant_only() {
    let database = Database::new().await;
    let stage = Stage::set(&database).await;
    assert!(stage.tables.len() >= 13, "{:?}", stage.tables);
    for Table { name, owner, .. } in &stage.tables {
        let own = stage.attempt(&format!("SELECT FROM {name}")).await;
        let of_others = stage.attempt(&format!("SELECT FROM {name} WHERE {owner} <> '{}'", stage.own)).await;
        assert!(
            own.as_ref().is_ok_and(|rows| *rows > 0),
            "tests/store/rows.sql has no row of {name}: {own:?}"
        );
        assert_eq!(of_others, Ok(0), "{name}");
    }
}

#[tokio::test]
async fn no_unfiltered_statement_touches_another_tenants_rows() {
    let database = Database::new().await;
    let stage = Stage::set(&database).await;
    let before = rows(&stage.superuser, &stage.tables, stage.other).await;
    for table in &stage.tables {
        let Table { name, owner, .. } = table;
        let own = stage.attempt(&format!("SELECT FROM {name}")).await.unwrap();
        for (verb, statement) in [
            ("UPDATE", format!("UPDATE {name} SET {owner} = {owner}")),
            ("DELETE", format!("DELETE FROM {name}")),
        ] {
            match stage.attempt(&statement).await {
                Ok(touched) => assert!(touched <= own, "{statement}: {touched} rows"),
                // Its own rows are referred to, which is found out after all of them were chosen.
                Err(state) if state == SqlState::FOREIGN_KEY_VIOLATION => {}
                Err(state) => {
                    assert_eq!(state, SqlState::INSUFFICIENT_PRIVILEGE, "{statement}");
                    assert!(!stage.may(table, verb).await, "{statement}: it may, and is refused");
                }
            }
        }
        let truncate = stage.attempt(&format!("TRUNCATE {name} CASCADE")).await;
        assert_eq!(truncate, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{name}");
    }
    assert_eq!(rows(&stage.superuser, &stage.tables, stage.other).await, before);
}

#[tokio::test]
async fn no_row_is_made_for_another_tenant_or_given_to_it() {
    let database = Database::new().await;
    let stage = Stage::set(&database).await;
    for Table { name, owner, columns } in &stage.tables {
        let other = format!("'{}'::uuid", stage.other);
        let values: Vec<_> =
            columns.iter().map(|it| if it == owner { &other } else { it }.as_str()).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        let insert =
            stage.attempt(&format!("INSERT INTO {name} ({columns}) SELECT {values} FROM {name}")).await;
        assert_eq!(insert, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{name}: a row of another tenant");
        let given = stage.attempt(&format!("UPDATE {name} SET {owner} = {other}")).await;
        // Of tenants themselves, a tenant may change nothing.
        let expected = if name == "tenants" { Ok(0) } else { Err(SqlState::INSUFFICIENT_PRIVILEGE) };
        assert_eq!(given, expected, "{name}: a row given away");
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen_or_made() {
    let database = Database::new().await;
    let stage = Stage::set(&database).await;
    for setting in ["", "SET olympus.tenant = ''", "SET olympus.scope = 'somebody'"] {
        stage.app.batch_execute(setting).await.unwrap();
        for Table { name, .. } in &stage.tables {
            assert_eq!(
                stage.app.execute(&format!("SELECT FROM {name}"), &[]).await.unwrap(),
                0,
                "{name} {setting}"
            );
        }
    }
    stage.app.batch_execute("SET olympus.tenant = 'no id'").await.unwrap();
    for Table { name, .. } in &stage.tables {
        let asked = stage.app.execute(&format!("SELECT FROM {name}"), &[]).await;
        assert!(asked.is_err(), "{name}: what is no tenant is an error, not everything");
    }
}
