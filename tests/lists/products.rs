//! A product from its making to its end: documents, tags, preconditions, preferences, faults.

use http::Method;
use serde_json::json;

use super::{PRODUCTS, Shop, faults, lamp};

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_made_read_replaced_and_deleted_by_its_versions() {
    let shop = Shop::open().await;
    let (made, place) = shop.product(lamp("L-1", "12.3", "EUR")).await;
    assert_eq!(made.document["data"]["price"], json!({ "amount": "12.30", "currency": "EUR" }));
    assert!(made.tag.starts_with("\"v1-"), "{}", made.tag);
    let seen = shop.get(&place).await;
    assert_eq!((seen.tag.as_str(), &seen.document), (made.tag.as_str(), &made.document));
    assert_eq!(seen.headers["cache-control"], "private, no-cache");

    let known = shop.call(Method::GET, &place, &[("if-none-match", &made.tag)], None).await;
    assert_eq!((known.status.as_u16(), known.tag), (304, made.tag.clone()));
    let part = shop.get(&format!("{place}?fields=id,price")).await;
    assert_eq!(part.document["data"].as_object().unwrap().len(), 2);
    assert!(part.tag.starts_with("\"v1-") && part.tag != made.tag, "another representation: {}", part.tag);

    // As it was read, with one change.
    let mut changed = seen.document["data"].clone();
    changed["price"] = json!({ "amount": "1500", "currency": "JPY" });
    let put =
        async |tag: &str| shop.call(Method::PUT, &place, &[("if-match", tag)], Some(changed.clone())).await;
    assert_eq!(put("\"v2\"").await.word(), "412 precondition_failed");
    assert_eq!(put(&format!("W/{}", made.tag)).await.word(), "412 precondition_failed");
    let second = put(&format!("\"v9\", {}", part.tag)).await;
    assert_eq!(second.document["data"]["price"]["amount"], "1500", "{second:?}");
    assert!(second.tag.starts_with("\"v2-"), "{}", second.tag);
    assert_eq!(put(&made.tag).await.word(), "412 precondition_failed", "it is another version now");

    let delete = async |tag: &str| shop.call(Method::DELETE, &place, &[("if-match", tag)], None).await;
    assert_eq!(delete(&made.tag).await.word(), "412 precondition_failed");
    assert_eq!(delete("*").await.word(), "204");
    assert_eq!(shop.get(&place).await.word(), "404 not_found");
    assert_eq!(delete("*").await.word(), "404 not_found");
    let sql = "SELECT action FROM audit_log ORDER BY created_at, id";
    let rows = shop.database.connect("postgres").await.query(sql, &[]).await.unwrap();
    let log: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(log, ["product.created", "product.updated", "product.deleted"]);
    let sql = "SELECT topic FROM outbox ORDER BY id";
    let rows = shop.database.connect("postgres").await.query(sql, &[]).await.unwrap();
    let events: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(events, log, "each change tells of itself");
    // Its number is free again.
    shop.product(lamp("L-1", "1", "EUR")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_less_is_sent_less() {
    let shop = Shop::open().await;
    let minimal = [("prefer", "return=minimal")];
    let made = shop.call(Method::POST, PRODUCTS, &minimal, Some(lamp("L-1", "1", "EUR"))).await;
    assert_eq!((made.word(), &made.document), ("201".to_owned(), &json!(null)));
    assert_eq!(made.headers["preference-applied"], "return=minimal");
    let place = made.headers["location"].to_str().unwrap().to_owned();
    let changed = shop.call(Method::PUT, &place, &minimal, Some(lamp("L-2", "1", "EUR"))).await;
    assert_eq!((changed.word(), &changed.document), ("204".to_owned(), &json!(null)));
    assert_eq!(changed.tag, shop.get(&place).await.tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_document_is_told_at_once() {
    let shop = Shop::open().await;
    let document = json!({
        "sku": "x".repeat(65), "name": "two\nlines", "description": 3, "stock": -1, "status": "sold",
        "price": { "amount": "1.005", "currency": "EUR", "tax": 1 }, "colour": "red",
    });
    let refused = shop.call(Method::POST, PRODUCTS, &[], Some(document)).await;
    assert_eq!(refused.word(), "422 validation_failed");
    let told = faults(&refused);
    let told: Vec<_> = told.iter().map(|(place, code)| (place.as_str(), code.as_str())).collect();
    let expected = [
        ("/stock", "out_of_range"),
        ("/status", "unknown_word"),
        ("/sku", "too_long"),
        ("/name", "invalid"),
        ("/description", "wrong_type"),
        ("/price/tax", "unknown"),
        ("/price/amount", "invalid"),
        ("/colour", "unknown"),
    ];
    assert_eq!(told, expected);
    for (price, place) in [
        (json!({ "amount": "1.5", "currency": "JPY" }), "/price/amount"),
        (json!({ "amount": "-1", "currency": "EUR" }), "/price/amount"),
        (json!({ "amount": 12.3, "currency": "EUR" }), "/price/amount"),
        (json!({ "amount": "1", "currency": "XXX" }), "/price/currency"),
        (json!({ "amount": "1" }), "/price/currency"),
        (json!("1 EUR"), "/price"),
        (json!(null), "/price"),
    ] {
        let mut document = lamp("L-1", "1", "EUR");
        document["price"] = price.clone();
        let refused = shop.call(Method::POST, PRODUCTS, &[], Some(document)).await;
        assert_eq!(
            (refused.word().as_str(), &*faults(&refused)[0].0),
            ("422 validation_failed", place),
            "{price}"
        );
    }
    // A letter of more bytes than one is one letter.
    let mut document = lamp("ü", "1", "EUR");
    document["name"] = json!("ü".repeat(200));
    shop.product(document).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_says_all_and_a_number_is_taken_once() {
    let shop = Shop::open().await;
    let (_, place) = shop.product(lamp("L-1", "1", "EUR")).await;
    shop.product(lamp("L-2", "1", "EUR")).await;
    let again = shop.call(Method::POST, PRODUCTS, &[], Some(lamp("L-2", "1", "EUR"))).await;
    let taken = shop.call(Method::PUT, &place, &[], Some(lamp("L-2", "1", "EUR"))).await;
    for refused in [again, taken] {
        assert_eq!((refused.word().as_str(), &*faults(&refused)[0].0), ("409 conflict", "/sku"));
    }
    let part = json!({ "sku": "L-1", "name": "Lamp", "price": { "amount": "1", "currency": "EUR" } });
    let refused = shop.call(Method::PUT, &place, &[], Some(part)).await;
    let told: Vec<_> = faults(&refused).into_iter().map(|fault| fault.0).collect();
    assert_eq!(
        (refused.word().as_str(), told.join(" ")),
        ("422 validation_failed", "/stock /status".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_asked_for_twice_with_one_key_is_made_once() {
    let shop = Shop::open().await;
    let key = [("idempotency-key", "one")];
    let ask = async |sku: &str| shop.call(Method::POST, PRODUCTS, &key, Some(lamp(sku, "1", "EUR"))).await;
    let (first, again) = (ask("L-1").await, ask("L-1").await);
    assert_eq!((first.word(), again.word()), ("201".to_owned(), "201".to_owned()), "{again:?}");
    assert_eq!((&first.document, &first.tag), (&again.document, &again.tag));
    assert_eq!(ask("L-2").await.word(), "422 idempotency_mismatch");
    assert_eq!(shop.get(PRODUCTS).await.headers["x-total-count"], "1");
}
