//! Tenants never meet: every function of the store as another tenant, and row-level security without any filter.

use std::future::Future;

use chrono::{TimeDelta, Utc};
use olympus_gateway::error::{Kind, Result};
use olympus_gateway::model::{
    ApiKeyField, ApiKeyId, AuditField, Direction, Expected, Field, Listing, NewApiKey, NewAuditEntry,
    OrderField, OrderId, ProductField, ProductId, Revocation, SortKey, TenantChange, TenantId, TenantStatus,
    UserChange, UserField,
};
use olympus_gateway::store::{Scope, Work};
use serde_json::Map;
use tokio_postgres::Client;

use super::postgres::Database;
use super::{tenant, user};

fn all<F: Field>(field: F) -> Listing<F> {
    Listing::by(field, Direction::Ascending, 100)
}

async fn refusal<T, F, Fut>(scope: &Scope, work: F) -> Option<Kind>
where
    F: Fn(Work) -> Fut + Send,
    Fut: Future<Output = Result<T>> + Send,
    T: Send,
{
    scope.run(work).await.err().map(|error| error.kind())
}

#[tokio::test]
async fn every_function_as_another_tenant_finds_nothing_and_changes_nothing() {
    let database = Database::new().await;
    let store = database.store();
    let (acme, globex) = (tenant(&store, "acme").await.id, tenant(&store, "globex").await.id);
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user");
    let entry = &NewAuditEntry { actor: "ada".into(), action: "test".into(), ..NewAuditEntry::default() };
    store.tenant(acme).run(|work| async move { work.audit().append(entry).await }).await.expect("an entry");

    let missing = Some(Kind::NotFound);
    let change = &UserChange { name: Some("Eve".into()), ..UserChange::default() };
    for stranger in [store.tenant(globex), store.tenant(TenantId::new())] {
        let id = ada.id;
        assert_eq!(refusal(&stranger, |work| async move { work.users().get(id).await }).await, missing);
        let update = |work: Work| async move { work.users().update(id, &Expected::Any, change).await };
        assert_eq!(refusal(&stranger, update).await, missing);
        let delete = |work: Work| async move { work.users().delete(id, &Expected::Any).await };
        assert_eq!(refusal(&stranger, delete).await, missing);
        let grant = |work: Work| async move { work.users().grant(id, "manager", "eve").await };
        assert_eq!(refusal(&stranger, grant).await, missing);
        let suspended =
            &TenantChange { status: Some(TenantStatus::Suspended), limits: Some(Map::new()), name: None };
        let suspend =
            |work: Work| async move { work.tenants().update(acme, &Expected::Any, suspended).await };
        assert_eq!(refusal(&stranger, suspend).await, missing);
        assert_eq!(refusal(&stranger, |work| async move { work.tenants().get(acme).await }).await, missing);
        let seen = stranger.run(|work| async move {
            let users = work.users();
            let taken = users.take(id, "member").await?;
            let found = users.find("ada@acme.example").await?;
            let everybody = Listing::by(UserField::Name, Direction::Ascending, 100);
            let listed = users.list(&everybody).await?.items.len();
            let entries = work.audit().list(&all(AuditField::CreatedAt)).await?.items.len();
            let tenants = work.tenants().list("", 100).await?.iter().filter(|it| it.id == acme).count();
            Ok((taken, found, listed, entries, tenants, work.tenants().find("acme").await?))
        });
        assert_eq!(seen.await.expect("answers"), (false, None, 0, 0, 0, None));
    }
    let own = store.tenant(acme).run(|work| async move { work.users().get(ada.id).await }).await;
    assert_eq!(own.expect("Ada"), ada);
}

#[tokio::test]
async fn keys_revocations_and_tenants_are_out_of_reach_of_another_tenant() {
    let database = Database::new().await;
    let store = database.store();
    let (acme, globex) = (tenant(&store, "acme").await.id, tenant(&store, "globex").await.id);
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user");
    let (made, hash, until) = (ApiKeyId::new(), &[7; 32], Utc::now() + TimeDelta::hours(1));
    let what = &Revocation::Key(made);
    let new = &NewApiKey {
        id: made,
        user: ada.id,
        name: "ci".to_owned(),
        hash: *hash,
        hint: "olk_".to_owned(),
        scopes: vec!["orders:read".to_owned()],
        expires_at: None,
    };
    let make = |work: Work| async move {
        work.api_keys().create(new).await?;
        work.revocations().insert(acme, what, until).await
    };
    store.tenant(acme).run(make).await.expect("a key");

    let missing = Some(Kind::NotFound);
    for stranger in [store.tenant(globex), store.tenant(TenantId::new())] {
        let key = |work: Work| async move { work.api_keys().get(made).await };
        assert_eq!(refusal(&stranger, key).await, missing);
        let key = |work: Work| async move { work.api_keys().revoke(made).await };
        assert_eq!(refusal(&stranger, key).await, missing);
        let insert = |work: Work| async move { work.revocations().insert(acme, what, until).await };
        assert!(refusal(&stranger, insert).await.is_some());
        let change = &TenantChange::default();
        let update = |work: Work| async move { work.tenants().update(acme, &Expected::Any, change).await };
        assert_eq!(refusal(&stranger, update).await, missing);
        let keys = stranger.run(|work| async move {
            let keys = work.api_keys();
            keys.note_use(made).await?;
            let listed = keys.list(&all(ApiKeyField::CreatedAt)).await?.items.len();
            let found = keys.find(hash).await?;
            Ok((keys.count_of(ada.id).await?, listed, found, work.revocations().after(0, 9).await?.len()))
        });
        assert_eq!(keys.await.expect("answers"), (0, 0, None, 0));
    }
}

#[tokio::test]
async fn the_platform_sees_no_users() {
    let database = Database::new().await;
    let store = database.store();
    let acme = tenant(&store, "acme").await.id;
    let ada = user(&store, acme, "ada@acme.example").await.expect("a user").id;
    let get = |work: Work| async move { work.users().get(ada).await };
    assert_eq!(refusal(&store.platform(), get).await, Some(Kind::Internal), "a mistake of ours");
    let app = database.connect("olympus_app").await;
    app.batch_execute("SELECT set_config('olympus.scope', 'platform', false)").await.unwrap();
    assert_eq!(count(&app, "users").await, 0);
}

async fn count(client: &Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

/// The tables that have a row of each tenant, filled by the superuser.
const ROWS: &str = include_str!("rows.sql");

const TABLES: [&str; 15] = [
    "tenants",
    "users",
    "grants",
    "products",
    "product_images",
    "orders",
    "order_items",
    "sessions",
    "refresh_tokens",
    "revocations",
    "api_keys",
    "outbox",
    "idempotency_keys",
    "intents",
    "audit_log",
];

#[tokio::test]
async fn row_level_security_alone_holds_without_any_filter() {
    let database = Database::new().await;
    let (acme, globex) = (TenantId::new(), TenantId::new());
    let superuser = database.connect("postgres").await;
    for tenant in [acme, globex] {
        let fill = format!("DO $$ DECLARE tenant uuid := '{tenant}'; BEGIN {ROWS} END $$");
        superuser.batch_execute(&fill).await.unwrap();
    }
    let all = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity";
    let confined: i64 = superuser.query_one(all, &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(confined), Ok(TABLES.len()), "every table is tried below");

    let app = database.connect("olympus_app").await;
    for table in TABLES {
        assert_eq!(count(&app, table).await, 0, "{table} without a tenant");
    }
    let searches = [
        "SELECT id::text FROM search_products('lamp', 10)",
        "SELECT id::text FROM matching_products('lamp') AS id",
    ];
    for found in searches {
        assert!(app.query(found, &[]).await.unwrap().is_empty(), "a search without a tenant: {found}");
    }
    app.batch_execute("BEGIN").await.unwrap();
    app.query("SELECT set_config('olympus.tenant', $1, true)", &[&acme.to_string()]).await.unwrap();
    for table in TABLES {
        assert_eq!(count(&app, table).await, 1, "{table} as one of two tenants");
    }
    for found in searches {
        let found = app.query(found, &[]).await.unwrap();
        assert_eq!(found.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), [acme.to_string()]);
    }
    app.batch_execute("COMMIT").await.unwrap();
    // The setting is an empty text from now on, and not absent as before.
    for table in TABLES {
        assert_eq!(count(&app, table).await, 0, "{table} after the transaction");
    }
}

#[tokio::test]
async fn products_and_orders_are_seen_by_their_tenant_only() {
    let database = Database::new().await;
    let store = database.store();
    let (acme, globex) = (TenantId::new(), TenantId::new());
    let fill = format!("DO $$ DECLARE tenant uuid := '{acme}'; BEGIN {ROWS} END $$");
    database.connect("postgres").await.batch_execute(&fill).await.unwrap();
    let (product, order) = (ProductId::from(acme.uuid()), OrderId::from(acme.uuid()));
    let get = |work: Work| async move { work.products().get(product).await };
    let get_order = |work: Work| async move { work.orders().get(order).await };
    let count = |work: Work| async move {
        let mut listing = Listing::by(ProductField::Name, Direction::Ascending, 100);
        let products = work.products().list(&listing).await?;
        listing.words = Some("lamp".to_owned());
        let found = work.products().list(&listing).await?;
        let orders = work.orders().list(&Listing::by(OrderField::Total, Direction::Ascending, 100)).await?;
        let items = work.orders().items(order).await?;
        Ok([products.items.len(), found.items.len(), orders.items.len(), items.len()])
    };
    let (own, stranger, platform) = (store.tenant(acme), store.tenant(globex), store.platform());
    assert_eq!(own.run(get).await.expect("its product").price.currency, "EUR");
    assert_eq!(own.run(get_order).await.expect("its order").total.minor, 1);
    assert_eq!(own.run(count).await.expect("lists"), [1; 4]);
    assert_eq!(refusal(&stranger, get).await, Some(Kind::NotFound));
    assert_eq!(refusal(&stranger, get_order).await, Some(Kind::NotFound));
    assert_eq!(stranger.run(count).await.expect("lists"), [0; 4]);
    assert_eq!(refusal(&platform, get).await, Some(Kind::Internal));
    assert_eq!(refusal(&platform, count).await, Some(Kind::Internal));
}

#[tokio::test]
async fn nothing_is_written_for_another_tenant() {
    let database = Database::new().await;
    let store = database.store();
    let (acme, globex) = (tenant(&store, "acme").await.id, tenant(&store, "globex").await.id);
    let app = database.connect("olympus_app").await;
    app.query("SELECT set_config('olympus.tenant', $1, false)", &[&acme.to_string()]).await.unwrap();
    let insert =
        "INSERT INTO users (tenant_id, id, email, name) VALUES ($1::text::uuid, $1::text::uuid, 'a@b', 'A')";
    let error = app.execute(insert, &[&globex.to_string()]).await.unwrap_err();
    assert!(error.as_db_error().unwrap().message().contains("row-level security"), "{error:?}");
    app.execute(insert, &[&acme.to_string()]).await.unwrap();
    let moved = app.execute("UPDATE users SET tenant_id = $1::text::uuid", &[&globex.to_string()]).await;
    assert!(moved.is_err());
}

#[tokio::test]
async fn the_first_statement_of_a_connection_is_confined_whether_it_is_prepared_or_not() {
    let database = Database::new().await;
    let acme = tenant(&database.store(), "acme").await.id;
    user(&database.store(), acme, "ada@acme.example").await.expect("a user");
    let by_time = SortKey { field: UserField::CreatedAt, direction: Direction::Ascending };
    let by_name = SortKey { field: UserField::Name, direction: Direction::Descending };
    for sort in [vec![by_time], vec![by_name, by_time]] {
        let listing = &Listing { sort, ..Listing::by(UserField::CreatedAt, Direction::Ascending, 10) };
        // A store that was not used has no connection yet.
        let list = |work: Work| async move { work.users().list(listing).await };
        let page = database.store().tenant(acme).run(list).await.expect("a page");
        assert!(!page.items.is_empty(), "{listing:?}");
    }
}
