//! Cursors: good for the list they are of, as long as the keys they were sealed with are there, and for nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use olympus_gateway::config::Algorithm;
use olympus_gateway::identity::new_key;

use super::postgres::Database;
use super::stage::{Stage, keys, tenant};
use super::{PRODUCTS, Shop, column, lamp};

async fn shop_of_five() -> (Shop, String) {
    let shop = Shop::open().await;
    for number in 0..5 {
        shop.product(lamp(&format!("L-{number}"), "1", "EUR")).await;
    }
    let first = shop.get(&format!("{PRODUCTS}?limit=2&sort=sku&status=active")).await;
    let next = first.document["meta"]["page"]["next"].as_str().unwrap().to_owned();
    (shop, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_bound_to_its_list() {
    let (shop, next) = shop_of_five().await;
    let after = async |query: &str| shop.get(&format!("{PRODUCTS}?{query}&after={next}")).await;
    // How many items a page has is not a part of the list, nor is what is shown of them.
    let page = after("limit=9&sort=sku&status[eq]=active&fields=sku").await;
    assert_eq!(column(&page, "sku"), ["L-2", "L-3", "L-4"]);
    for query in [
        "status=active",
        "sort=-sku&status=active",
        "sort=sku,name&status=active",
        "sort=sku",
        "sort=sku&status=draft",
        "sort=sku&status=active&stock[gt]=0",
        "sort=sku&status=active&q=lamp",
    ] {
        assert_eq!(after(query).await.word(), "400 invalid_cursor", "{query}");
    }
    let other = tenant(&shop.stage.store, "globex").await;
    let (root, home) = (shop.stage.token(shop.tenant, "root", "platform_admin"), shop.tenant);
    let path = |tenant| format!("{PRODUCTS}?sort=sku&status=active&after={next}&tenant_id={tenant}");
    assert_eq!(shop.stage.get(&path(home), &root).await.word(), "200");
    assert_eq!(shop.stage.get(&path(other), &root).await.word(), "400 invalid_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_was_changed_anywhere_is_none() {
    let (shop, next) = shop_of_five().await;
    let bytes = URL_SAFE_NO_PAD.decode(&next).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(changed);
        let refused = shop.get(&format!("{PRODUCTS}?limit=2&sort=sku&status=active&after={changed}")).await;
        assert_eq!(refused.word(), "400 invalid_cursor", "byte {place}");
    }
    for text in ["", "AAAA", "%20", &next[1..], &"A".repeat(9000)] {
        let refused = shop.get(&format!("{PRODUCTS}?limit=2&sort=sku&status=active&before={text}")).await;
        assert_eq!(refused.word(), "400 invalid_cursor", "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_outlives_the_key_that_signs_as_long_as_that_is_kept() {
    let (database, folder) = (Database::new().await, keys());
    let before = Stage::new(&database, &folder).await;
    let acme = tenant(&before.store, "acme").await;
    let token = before.token(acme, "mia", "manager");
    for number in 0..3 {
        let document = Some(lamp(&format!("L-{number}"), "1", "EUR"));
        let asking = super::stage::Asking(http::Method::POST, PRODUCTS, &token);
        assert_eq!(before.ask(asking, document).await.word(), "201");
    }
    let first = before.get(&format!("{PRODUCTS}?limit=1&sort=sku"), &token).await;
    let next = first.document["meta"]["page"]["next"].as_str().unwrap().to_owned();
    let path = format!("{PRODUCTS}?limit=1&sort=sku&after={next}");
    folder.write("2.pem", &new_key(Algorithm::EdDsa).unwrap());
    let rotated = Stage::on(database.store(), &folder).await;
    let token = rotated.token(acme, "mia", "manager");
    assert_eq!(column(&rotated.get(&path, &token).await, "sku"), ["L-1"]);
    std::fs::remove_file(folder.file("1.pem")).unwrap();
    let after = Stage::on(database.store(), &folder).await;
    let token = after.token(acme, "mia", "manager");
    assert_eq!(after.get(&path, &token).await.word(), "400 invalid_cursor");
}
