//! Walks by cursor while rows come and go: no row that was there throughout is missed or seen twice, in either
//! direction, for every sort of every list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use olympus_gateway::model::{ApiKeyField, Field, OrderField, ProductField, UserField};
use olympus_gateway::rest;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::stage::{Seen, user};
use super::{Shop, column};

/// Rows that stay, and rows of those that come and go at a time.
const STAYING: usize = 40;
const PASSING: i64 = 40;

/// A list, and what its rows are made of: the id `$2`, the kind `$3`, and values by the number `$4` that many others
/// have too.
struct List {
    path: &'static str,
    table: &'static str,
    /// The column that begins with the kind: whether a row stays.
    kind: &'static str,
    columns: &'static str,
    values: &'static str,
    /// Its times.
    times: &'static [&'static str],
    /// The time that takes a row away.
    gone: &'static str,
    /// What is another of a row that moves.
    moved: &'static str,
    sorts: fn() -> Vec<String>,
}

const PRODUCTS: List = List {
    path: super::PRODUCTS,
    table: "products",
    kind: "sku",
    columns: "sku, name, price, currency",
    values: "$3::text || '-' || ($4::bigint % 3) || '-' || $2::uuid, 'Lamp ' || $4::bigint, $4::bigint, 'EUR'",
    times: &["created_at", "updated_at"],
    gone: "deleted_at",
    moved: "price = (random() * 5)::bigint, name = 'Lamp ' || (random() * 5)::int",
    sorts: sorts::<ProductField>,
};

const ORDERS: List = List {
    path: "/api/v1/orders",
    table: "orders",
    kind: "note",
    columns: "user_id, note, total, currency",
    values: "(SELECT id FROM users WHERE tenant_id = $1 LIMIT 1), $3::text, $4::bigint, 'EUR'",
    times: &["created_at", "updated_at"],
    gone: "deleted_at",
    moved: "total = (random() * 5)::bigint",
    sorts: sorts::<OrderField>,
};

const USERS: List = List {
    path: "/api/v1/users",
    table: "users",
    kind: "email",
    columns: "email, name",
    // Sorted by whatever the case of their letters.
    values: "$3::text || CASE $4::bigint % 2 WHEN 0 THEN '-A' ELSE '-a' END || $2::uuid || '@shop.example',
        'Ada ' || $4::bigint",
    times: &["created_at", "updated_at"],
    gone: "deleted_at",
    moved: "name = 'Ada ' || (random() * 5)::int",
    sorts: sorts::<UserField>,
};

const API_KEYS: List = List {
    path: "/api/v1/auth/api-keys",
    table: "api_keys",
    kind: "name",
    columns: "user_id, name, hash, hint",
    values: "(SELECT id FROM users WHERE tenant_id = $1 LIMIT 1), $3::text || '-' || $4::bigint,
        sha256(uuid_send($2::uuid)), 'olk_'",
    times: &["created_at"],
    gone: "revoked_at",
    moved: "name = 'pass-' || (random() * 5)::int",
    sorts: sorts::<ApiKeyField>,
};

impl List {
    fn add(&self) -> String {
        let Self { table, columns, values, times, .. } = self;
        let hours = |(index, _)| {
            format!("timestamptz '2026-09-21Z' - ($4::bigint % {}) * interval '1 hour'", 3 - index)
        };
        let (times, hours) = (times.join(", "), times.iter().enumerate().map(hours).collect::<Vec<_>>());
        let hours = hours.join(", ");
        format!(
            "INSERT INTO {table} (tenant_id, id, {columns}, {times}) VALUES ($1::uuid, $2::uuid, {values}, {hours})"
        )
    }

    /// Changes one of those that come and go.
    fn change(&self, set: &str) -> String {
        let (table, passing) = (self.table, self.passing());
        format!(
            "UPDATE {table} SET {set} WHERE tenant_id = $1 AND id =
                 (SELECT id FROM {table} WHERE {passing} ORDER BY random() LIMIT 1)"
        )
    }

    /// Which rows come and go.
    fn passing(&self) -> String {
        format!("tenant_id = $1 AND {} LIKE 'pass%' AND {} IS NULL", self.kind, self.gone)
    }
}

async fn add(client: &Client, list: &List, (tenant, kind): (Uuid, &str)) -> String {
    // Anywhere among those of the same values: at the end of a list, a walk could follow new ones for ever.
    let (id, number) = (Uuid::from_u128(fastrand::u128(..)), fastrand::i64(0..5));
    client.execute(&list.add(), &[&tenant, &id, &kind, &number]).await.unwrap();
    id.to_string()
}

/// Adds, takes away and moves rows until it is told to stop.
async fn churn(client: Client, (list, tenant): (&'static List, Uuid), is_over: Arc<AtomicBool>) -> usize {
    let take = list.change(&format!("{} = now()", list.gone));
    let last = list.times.last().unwrap();
    let backwards = format!("{last} = {last} - (random() * 2)::int * interval '1 hour'");
    let shift = list.change(&format!("{backwards}, {}", list.moved));
    let count = format!("SELECT count(*) FROM {} WHERE {}", list.table, list.passing());
    let mut changes = 0;
    while !is_over.load(Ordering::Relaxed) {
        let passing: i64 = client.query_one(&count, &[&tenant]).await.unwrap().get(0);
        if passing < fastrand::i64(0..PASSING) {
            add(&client, list, (tenant, "pass")).await;
        } else {
            client.execute(if fastrand::bool() { &take } else { &shift }, &[&tenant]).await.unwrap();
        }
        changes += 1;
    }
    changes
}

/// Every key that the fields of a list offer, in both directions, alone and before another one.
fn sorts<F: Field>() -> Vec<String> {
    let fields: Vec<_> = F::ALL.iter().filter(|field| field.is_sortable()).collect();
    let mut sorts = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let others: Vec<_> = fields.iter().enumerate().filter(|(other, _)| *other != index).collect();
        for first in ["", "-"] {
            sorts.push(format!("{first}{}", field.name()));
            let Some((_, second)) = fastrand::choice(&others) else { continue };
            for then in ["", "-"] {
                sorts.push(format!("{first}{},{then}{}", field.name(), second.name()));
            }
        }
    }
    sorts
}

/// The ids of a walk from the beginning to the end, and of one from the end back to the beginning.
async fn walk(shop: &Shop, target: &str) -> [Vec<String>; 2] {
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let mut page = shop.get(target).await;
    let cursor = |page: &Seen, name: &str| page.document["meta"]["page"][name].as_str().map(str::to_owned);
    let ids = |page: &Seen| -> Vec<String> { column(page, "id").into_iter().map(str::to_owned).collect() };
    loop {
        forth.extend(ids(&page));
        let Some(next) = cursor(&page, "next") else { break };
        page = shop.get(&format!("{target}&after={next}")).await;
    }
    loop {
        let mut found = ids(&page);
        found.reverse();
        back.extend(found);
        let Some(previous) = cursor(&page, "previous") else { break };
        page = shop.get(&format!("{target}&before={previous}")).await;
    }
    [forth, back]
}

/// Walks through a list by every sort while two others change it.
async fn walk_by_every_sort(list: &'static List) {
    let mut shop = Shop::open().await;
    // Who sees all there is.
    shop.token = shop.stage.token(shop.tenant, "ada", "tenant_admin");
    let tenant = shop.tenant.uuid();
    // Orders and keys are somebody's.
    user(&shop.stage.store, shop.tenant, "member").await;
    let client = shop.database.connect("postgres").await;
    let mut staying = Vec::new();
    for _ in 0..STAYING {
        staying.push(add(&client, list, (tenant, "stay")).await);
    }
    staying.sort();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let client = shop.database.connect("postgres").await;
        others.spawn(churn(client, (list, tenant), is_over.clone()));
    }
    for sort in (list.sorts)() {
        let target = format!("{}?sort={sort}&limit={}&fields=id", list.path, fastrand::u8(3..15));
        let [forth, mut back] = walk(&shop, &target).await;
        back.reverse();
        for (way, seen) in [("forth", &forth), ("back", &back)] {
            let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
            seen.iter().for_each(|id| *counts.entry(id).or_default() += 1);
            let wrong: Vec<_> = staying.iter().filter(|id| counts.get(id) != Some(&1)).collect();
            assert!(wrong.is_empty(), "{target} {way}: missed or seen twice: {wrong:?}");
        }
        let only_staying = |seen: &[String]| -> Vec<String> {
            seen.iter().filter(|id| staying.binary_search(id).is_ok()).cloned().collect()
        };
        assert_eq!(only_staying(&forth), only_staying(&back), "{target}: both ways have one order");
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(changes) = others.join_next().await {
        assert!(changes.unwrap() > 0, "rows came and went meanwhile");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_through_products_miss_nothing_and_show_nothing_twice_while_rows_come_and_go() {
    walk_by_every_sort(&PRODUCTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_through_orders_miss_nothing_and_show_nothing_twice_while_rows_come_and_go() {
    walk_by_every_sort(&ORDERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_through_users_miss_nothing_and_show_nothing_twice_while_rows_come_and_go() {
    walk_by_every_sort(&USERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_through_api_keys_miss_nothing_and_show_nothing_twice_while_rows_come_and_go() {
    walk_by_every_sort(&API_KEYS).await;
}

#[test]
fn every_list_that_can_be_sorted_is_walked_through() {
    let document: Value =
        serde_json::from_str(&rest::openapi(&olympus_gateway::config::Rest::default())).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let is_sorted = |path: &Value| {
        let parameters = path["get"]["parameters"].as_array().cloned().unwrap_or_default();
        parameters.iter().any(|parameter| parameter["name"] == "sort")
    };
    let found: BTreeSet<&str> =
        paths.filter(|(_, item)| is_sorted(item)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(found, BTreeSet::from([PRODUCTS, ORDERS, USERS, API_KEYS].map(|list| list.path)));
}
