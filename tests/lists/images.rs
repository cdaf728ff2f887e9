//! The picture of a product, from its first to its last.

use axum::body::Body;
use http::Method;
use serde_json::json;

use super::stage::{Asking, Seen};
use super::{Shop, lamp};

/// Pictures of one pixel and of two.
const DOT: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";
const PAIR: &[u8] = b"GIF89a\x02\0\x01\0\0\0\0;";

async fn put(shop: &Shop, path: &str, kind: &str, bytes: &'static [u8]) -> Seen {
    let asking = Asking(Method::PUT, path, &shop.token);
    shop.stage.send(asking, &[("content-type", kind)], Body::from(bytes)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_has_the_image_that_was_sent_last() {
    let shop = Shop::open().await;
    let (_, place) = shop.product(lamp("L-1", "12.3", "EUR")).await;
    let path = format!("{place}/image");
    assert_eq!(shop.get(&path).await.word(), "404 not_found");
    let first = put(&shop, &path, "image/gif", DOT).await;
    let known = json!({ "content_type": "image/gif", "width": 1, "height": 1, "size": DOT.len() });
    assert_eq!(first.document["data"], known, "{first:?}");
    let second = put(&shop, &path, "image/gif", PAIR).await;
    assert_eq!(second.document["data"]["width"], 2);
    assert!(!second.tag.is_empty() && second.tag != first.tag);

    let seen = shop.get(&path).await;
    assert_eq!((seen.status.as_u16(), &seen.tag), (200, &second.tag));
    for (name, value) in [
        ("content-type", "image/gif"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
        ("cache-control", "private, max-age=60"),
    ] {
        assert_eq!(seen.headers[name], value);
    }
    assert_eq!(seen.headers.get_all("content-security-policy").iter().count(), 1);
    let again = shop.call(Method::GET, &path, &[("if-none-match", &second.tag)], None).await;
    assert_eq!(again.status.as_u16(), 304);

    let delete = async || shop.call(Method::DELETE, &path, &[], None).await.word();
    assert_eq!([delete().await, delete().await], ["204", "404 not_found"]);
    let sql = "SELECT count(*) FROM audit_log WHERE action = 'product.image_changed'";
    let changes: i64 = shop.database.connect("postgres").await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(changes, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_of_a_product_that_is_there() {
    let shop = Shop::open().await;
    let (_, place) = shop.product(lamp("L-1", "12.3", "EUR")).await;
    let path = format!("{place}/image");
    assert_eq!(put(&shop, &path, "image/png", DOT).await.word(), "422 validation_failed");
    assert_eq!(put(&shop, &path, "application/json", b"{}").await.word(), "415 unsupported_media_type");
    assert_eq!(put(&shop, &path, "image/gif", DOT).await.word(), "200");
    shop.call(Method::DELETE, &place, &[("if-match", "*")], None).await;
    assert_eq!(shop.get(&path).await.word(), "404 not_found");
    assert_eq!(put(&shop, &path, "image/gif", DOT).await.word(), "404 not_found");
    assert_eq!(put(&shop, "/api/v1/products/none/image", "image/gif", DOT).await.word(), "404 not_found");
}
