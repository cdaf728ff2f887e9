//! Walks by cursor while rows come and go: no row that was there throughout is missed or seen twice, in either
//! direction, for every sort.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use olympus_gateway::model::{Field, ProductField};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{PRODUCTS, Shop, column};

/// Rows that stay, and rows of those that come and go at a time.
const STAYING: usize = 40;
const PASSING: i64 = 40;

/// Adds a product with values that many others have too.
const ADD: &str = "INSERT INTO products (tenant_id, id, sku, name, price, currency, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5::bigint, 'EUR', $6::timestamptz - ($5::bigint % 3) * interval '1 hour',
        $6::timestamptz - ($5::bigint % 2) * interval '1 hour')";
/// Takes one of those that pass away, and brings another one to another place.
const TAKE: &str = "UPDATE products SET deleted_at = now() WHERE tenant_id = $1 AND id =
    (SELECT id FROM products WHERE tenant_id = $1 AND sku LIKE 'pass%' AND deleted_at IS NULL
     ORDER BY random() LIMIT 1)";
const MOVE: &str = "UPDATE products SET updated_at = updated_at - (random() * 2)::int * interval '1 hour', price = (random() * 5)::bigint,
    name = 'Lamp ' || (random() * 5)::int WHERE tenant_id = $1 AND id =
    (SELECT id FROM products WHERE tenant_id = $1 AND sku LIKE 'pass%' AND deleted_at IS NULL
     ORDER BY random() LIMIT 1)";

async fn add(client: &Client, tenant: Uuid, kind: &str) -> String {
    // Anywhere among those of the same values: at the end of a list, a walk could follow new ones for ever.
    let (id, price) = (Uuid::from_u128(fastrand::u128(..)), fastrand::i64(0..5));
    let (sku, name) = (format!("{kind}-{}-{id}", fastrand::u8(0..3)), format!("Lamp {price}"));
    let time = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    client.execute(ADD, &[&tenant, &id, &sku, &name, &price, &time]).await.unwrap();
    id.to_string()
}

/// Adds, takes away and moves rows until it is told to stop.
async fn churn(client: Client, tenant: Uuid, is_over: Arc<AtomicBool>) -> usize {
    let mut changes = 0;
    while !is_over.load(Ordering::Relaxed) {
        let count =
            "SELECT count(*) FROM products WHERE tenant_id = $1 AND sku LIKE 'pass%' AND deleted_at IS NULL";
        let passing: i64 = client.query_one(count, &[&tenant]).await.unwrap().get(0);
        if passing < fastrand::i64(0..PASSING) {
            add(&client, tenant, "pass").await;
        } else {
            client.execute(if fastrand::bool() { TAKE } else { MOVE }, &[&tenant]).await.unwrap();
        }
        changes += 1;
    }
    changes
}

/// Every key in both directions, alone and before another one.
fn sorts() -> Vec<String> {
    let fields: Vec<_> = ProductField::ALL.iter().filter(|field| field.is_sortable()).collect();
    let mut sorts = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let second = fields[(index + 1 + fastrand::usize(0..fields.len() - 1)) % fields.len()];
        for first in ["", "-"] {
            sorts.push(format!("{first}{}", field.name()));
            for then in ["", "-"] {
                sorts.push(format!("{first}{},{then}{}", field.name(), second.name()));
            }
        }
    }
    sorts
}

/// The ids of a walk from the beginning to the end, and of one from the end back to the beginning.
async fn walk(shop: &Shop, query: &str) -> [Vec<String>; 2] {
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let mut page = shop.get(&format!("{PRODUCTS}?{query}")).await;
    let cursor =
        |page: &super::Seen, name: &str| page.document["meta"]["page"][name].as_str().map(str::to_owned);
    let ids =
        |page: &super::Seen| -> Vec<String> { column(page, "id").into_iter().map(str::to_owned).collect() };
    loop {
        forth.extend(ids(&page));
        let Some(next) = cursor(&page, "next") else { break };
        page = shop.get(&format!("{PRODUCTS}?{query}&after={next}")).await;
    }
    loop {
        let mut found = ids(&page);
        found.reverse();
        back.extend(found);
        let Some(previous) = cursor(&page, "previous") else { break };
        page = shop.get(&format!("{PRODUCTS}?{query}&before={previous}")).await;
    }
    [forth, back]
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_miss_nothing_and_show_nothing_twice_while_rows_come_and_go() {
    let shop = Shop::open().await;
    let tenant = shop.tenant.uuid();
    let client = shop.database.connect("postgres").await;
    let mut staying = Vec::new();
    for _ in 0..STAYING {
        staying.push(add(&client, tenant, "stay").await);
    }
    staying.sort();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let client = shop.database.connect("postgres").await;
        others.spawn(churn(client, tenant, is_over.clone()));
    }
    for sort in sorts() {
        let limit = fastrand::u8(3..15);
        let query = format!("sort={sort}&limit={limit}&fields=id");
        let [forth, mut back] = walk(&shop, &query).await;
        back.reverse();
        for (way, seen) in [("forth", &forth), ("back", &back)] {
            let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
            seen.iter().for_each(|id| *counts.entry(id).or_default() += 1);
            let wrong: Vec<_> = staying.iter().filter(|id| counts.get(id) != Some(&1)).collect();
            assert!(wrong.is_empty(), "{query} {way}: missed or seen twice: {wrong:?}");
        }
        let only_staying = |seen: &[String]| -> Vec<String> {
            seen.iter().filter(|id| staying.binary_search(id).is_ok()).cloned().collect()
        };
        assert_eq!(only_staying(&forth), only_staying(&back), "{query}: both ways have one order");
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(changes) = others.join_next().await {
        assert!(changes.unwrap() > 0, "rows came and went meanwhile");
    }
}
