//! How Postgres does what the store asks for, on 200,000 rows: every list by an index that gives its order, within the
//! policies. The server itself says how it did it (auto_explain), for the statements the store really sent.

use std::time::{Duration, Instant};

use olympus_gateway::model::{
    Condition, Count, Direction, Field, Listing, Mark, OrderField, ProductField, SortKey, Start, TenantId,
    UserField, Value,
};
use olympus_gateway::store::{Scope, Work};
use uuid::Uuid;

use super::postgres::{PATIENCE, Server, store};

const ACME: &str = "00000000-0000-0000-0000-00000000000a";
const GLOBEX: &str = "00000000-0000-0000-0000-00000000000b";

/// Two tenants, of which one has 99 of 100 rows. Nothing is checked meanwhile, which halves the time.
const FILL: &str = "
    SET session_replication_role = replica;
    CREATE TEMPORARY VIEW numbers AS SELECT n, md5(n::text)::uuid AS id,
        CASE n % 100 WHEN 0 THEN GLOBEX::uuid ELSE ACME::uuid END AS tenant,
        '2026-01-01Z'::timestamptz + n * interval '1 second' AS at FROM generate_series(1, 200000) AS n;
    INSERT INTO tenants (id, slug, name) VALUES (ACME, 'acme', 'A'), (GLOBEX, 'globex', 'G');
    INSERT INTO users (tenant_id, id, email, name, created_at, updated_at)
        SELECT tenant, id, 'User' || n || '@shop.example', 'User ' || n % 5000, at, at + n % 7 * interval '1 day'
        FROM numbers;
    INSERT INTO products (tenant_id, id, sku, name, price, currency, created_at, updated_at)
        SELECT tenant, id, 'S-' || n, 'Lamp ' || n % 5000 || CASE n % 2000 WHEN 1 THEN ' rare' ELSE '' END,
        n * 7919 % 100000, 'EUR', at, at + n % 7 * interval '1 day' FROM numbers;
    INSERT INTO orders (tenant_id, id, user_id, status, total, currency, created_at)
        SELECT tenant, id, md5((n % 1000)::text)::uuid,
        CASE n % 500 WHEN 1 THEN 'cancelled' ELSE 'delivered' END, n * 7919 % 100000, 'EUR', at FROM numbers;
    SET default_statistics_target = 1000; -- All rows are looked at, so that plans do not hang on a sample.
    ANALYZE users; ANALYZE products; ANALYZE orders;
    ALTER DATABASE olympus_template SET session_preload_libraries = 'auto_explain';
    ALTER DATABASE olympus_template SET auto_explain.log_min_duration = 0;
    ALTER DATABASE olympus_template SET auto_explain.log_nested_statements = on;
    ALTER DATABASE olympus_template SET auto_explain.log_analyze = on;";

/// A server with many rows, one tenant's view of it, and what was logged so far.
struct Large {
    server: Server,
    acme: Scope,
}

impl Large {
    async fn start() -> Self {
        let server = Server::start();
        let admin = server.superuser("olympus_template").await;
        let quote = |id: &str| format!("'{id}'");
        let fill = FILL.replace("ACME", &quote(ACME)).replace("GLOBEX", &quote(GLOBEX));
        admin.batch_execute(&fill).await.expect("rows");
        let store = store(&server.settings("olympus_template", "statement_timeout = \"20s\""));
        let acme = store.tenant(ACME.parse::<TenantId>().expect("an id"));
        Self { server, acme }
    }

    /// The plans of what was done since the log had this length. The watch's own question is about the catalogue. A plan
    /// is logged when its transaction ends, which nobody waits for where it only read.
    fn plans_since(&self, length: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.server.log();
            let entries = log.split_at(length).1.split("LOG:  duration").skip(1);
            let plans: String =
                entries.filter(|it| !it.contains("rolsuper") && !it.contains("set_config")).collect();
            // What is still being written does not end with a line, or has no plan yet.
            if log.ends_with('\n') && plans.contains("cost=") {
                return plans;
            }
            assert!(Instant::now() < deadline, "nothing was logged");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Checks how a statement was done: by this index, without a look at every row and without sorting many.
    #[track_caller]
    fn expect(&self, length: usize, what: &str, index: &str) {
        self.expect_in(&self.plans_since(length), what, index);
    }

    #[track_caller]
    fn expect_in(&self, plans: &str, what: &str, index: &str) {
        assert!(plans.contains(&format!("using {index} on")), "{what} without {index}: {plans}");
        assert!(!plans.contains("Seq Scan on"), "{what} looks at every row: {plans}");
        assert!(!plans.contains("Sort Key"), "{what} is sorted: {plans}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_look_ups_use_their_index_on_many_rows() {
    let large = Large::start().await;
    products(&large).await;
    orders(&large).await;
    users(&large).await;
    search(&large).await;
}

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Each start of a list that is sorted so: its beginning, and both sides of a place in its middle.
fn starts<F: Field>(sort: &[SortKey<F>], values: &[Value]) -> Vec<Listing<F>> {
    let mark = Mark { values: values.to_vec(), id: Uuid::from_u128(1 << 127) };
    let starts = [Start::Beginning, Start::After(mark.clone()), Start::Before(mark)];
    let listing =
        |start| Listing { conditions: Vec::new(), words: None, sort: sort.to_vec(), start, limit: 50 };
    starts.map(listing).into()
}

async fn products(large: &Large) {
    let time = Value::Time("2026-01-02T03:00:00Z".parse().expect("a time"));
    let sorts = [
        (ProductField::CreatedAt, time.clone(), "products_by_time"),
        (ProductField::UpdatedAt, time.clone(), "products_by_change"),
        (ProductField::Name, Value::Text("Lamp 2500".to_owned()), "products_by_name"),
        (ProductField::Sku, Value::Text("S-2500".to_owned()), "products_by_sku"),
        (ProductField::Price, Value::Number(50_000), "products_by_price"),
    ];
    assert_eq!(sorts.len(), ProductField::ALL.iter().filter(|field| field.is_sortable()).count());
    for (field, value, index) in &sorts {
        for direction in DIRECTIONS {
            let key = SortKey { field: *field, direction };
            for listing in &starts(&[key], std::slice::from_ref(value)) {
                let plans = page(large, listing).await;
                large.expect_in(&plans, &format!("{listing:?}"), index);
            }
            for second in DIRECTIONS {
                let other = SortKey { field: ProductField::Price, direction: second };
                if *field != other.field {
                    let values = [value.clone(), Value::Number(50_000)];
                    for listing in &starts(&[key, other], &values) {
                        // Those that are equal in the first key are sorted, and no others.
                        let plans = page(large, listing).await;
                        let is_presorted = plans.contains("Presorted Key") && plans.contains("Index Scan");
                        assert!(is_presorted, "{listing:?}: {plans}");
                        assert!(!plans.contains("Seq Scan on"), "{listing:?}: {plans}");
                        let sorts = plans.matches("Sort Key").count();
                        assert_eq!(sorts, plans.matches("Presorted Key").count(), "{listing:?}: {plans}");
                    }
                }
            }
        }
    }
    for (field, prefix, index) in [
        (ProductField::Sku, "S-77", "products_by_sku"),
        (ProductField::Name, "Lamp 777", "products_by_name_prefix"),
    ] {
        let mut listing = Listing::by(field, Direction::Ascending, 25);
        listing.conditions = vec![Condition::prefix(field, prefix)];
        let plans = page(large, &listing).await;
        assert!(plans.contains(index) && !plans.contains("Seq Scan on"), "{prefix}: {plans}");
    }
}

/// How a page was read.
async fn page(large: &Large, listing: &Listing<ProductField>) -> String {
    let before = large.server.log().len();
    let list = |work: Work| async move { work.products().list(listing).await };
    let found = large.acme.run(list).await.expect("a page").items.len();
    assert_eq!(found, usize::from(listing.limit), "{listing:?}");
    large.plans_since(before)
}

async fn orders(large: &Large) {
    let status = Value::Text("cancelled".to_owned());
    let cancelled = Condition::equal(OrderField::Status, status);
    // The buyer of every thousandth order, all of them acme's.
    let user = "c4ca4238-a0b9-2382-0dcc-509a6f75849b".parse::<Uuid>().expect("an id");
    let of_one = Condition::equal(OrderField::UserId, Value::Id(user));
    let time = Value::Time("2026-01-02T03:00:00Z".parse().expect("a time"));
    let lists = [
        (OrderField::CreatedAt, time.clone(), None, "orders_by_time"),
        (OrderField::Total, Value::Number(50_000), None, "orders_by_total"),
        (OrderField::CreatedAt, time.clone(), Some(cancelled), "orders_by_status"),
        (OrderField::CreatedAt, time, Some(of_one), "orders_by_user"),
    ];
    for (field, value, condition, index) in &lists {
        for direction in DIRECTIONS {
            for mut listing in starts(&[SortKey { field: *field, direction }], std::slice::from_ref(value)) {
                listing.conditions.extend(condition.clone());
                let (before, listing) = (large.server.log().len(), &listing);
                let list = |work: Work| async move { work.orders().list(listing).await };
                assert_eq!(large.acme.run(list).await.expect("a page").items.len(), 50);
                large.expect(before, &format!("{listing:?}"), index);
            }
        }
    }
}

async fn users(large: &Large) {
    let time = Value::Time("2026-01-02T03:00:00Z".parse().expect("a time"));
    let sorts = [
        (UserField::CreatedAt, time.clone(), "users_by_time"),
        (UserField::UpdatedAt, time, "users_by_change"),
        (UserField::Name, Value::Text("User 2500".to_owned()), "users_by_name"),
        (UserField::Email, Value::Text("user5".to_owned()), "users_by_email"),
    ];
    assert_eq!(sorts.len(), UserField::ALL.iter().filter(|field| field.is_sortable()).count());
    for (field, value, index) in &sorts {
        for direction in DIRECTIONS {
            let key = SortKey { field: *field, direction };
            for listing in &starts(&[key], std::slice::from_ref(value)) {
                let before = large.server.log().len();
                let list = |work: Work| async move { work.users().list(listing).await };
                assert_eq!(large.acme.run(list).await.expect("a page").items.len(), 50, "{listing:?}");
                large.expect_in(&large.plans_since(before), &format!("{listing:?}"), index);
            }
        }
    }
    // Where few begin so: many are found as soon by going through the order.
    for (field, prefix, index) in [
        (UserField::Email, "User7777", "users_by_email_prefix"),
        (UserField::Name, "User 777", "users_by_name_prefix"),
    ] {
        let mut listing = Listing::by(field, Direction::Ascending, 10);
        listing.conditions = vec![Condition::prefix(field, prefix)];
        let (before, listing) = (large.server.log().len(), &listing);
        let list = |work: Work| async move { work.users().list(listing).await };
        assert_eq!(large.acme.run(list).await.expect("a page").items.len(), 10, "{prefix}");
        let plans = large.plans_since(before);
        assert!(plans.contains(index) && !plans.contains("Seq Scan on"), "{prefix}: {plans}");
    }
}

async fn search(large: &Large) {
    let mut listing = Listing::by(ProductField::Name, Direction::Ascending, 50);
    listing.words = Some("rare".to_owned());
    let plans = page(large, &listing).await;
    assert!(plans.contains("Bitmap Index Scan on products_by_words"), "{plans}");
    assert!(!plans.contains("Seq Scan on products"), "{plans}");
    // Nearly all match: none is lost to what else is asked, and the count is of all.
    listing.words = Some("lamp".to_owned());
    listing.conditions = vec![Condition::prefix(ProductField::Sku, "S-1999")];
    let plans = page(large, &listing).await;
    assert!(!plans.contains("Seq Scan on products"), "{plans}");
    listing.conditions.clear();
    let listing = &listing;
    let count = |work: Work| async move { work.products().count(listing, 5000).await };
    assert_eq!(large.acme.run(count).await.expect("a count"), Count { rows: 5000, is_exact: false });
}
