//! What may be asked of a list: filters, sort keys, words, members; and what is said where it may not.

use serde_json::json;

use super::{PRODUCTS, Shop, column, faults, lamp};

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_every_kind_find_what_they_say() {
    let shop = Shop::open().await;
    for (sku, amount, currency) in
        [("A-1", "5.00", "EUR"), ("A-2", "10.00", "EUR"), ("B-1", "15.50", "EUR"), ("B-2", "700", "JPY")]
    {
        shop.product(lamp(sku, amount, currency)).await;
    }
    let mut draft = lamp("C_%", "1", "USD");
    draft["status"] = json!("draft");
    draft["description"] = json!("A rare one");
    shop.product(draft).await;
    for (query, expected) in [
        ("sort=sku", "A-1 A-2 B-1 B-2 C_%"),
        ("sort=-sku&limit=2", "C_% B-2"),
        ("sku=A-1", "A-1"),
        ("sku[eq]=A-1&sort=sku", "A-1"),
        ("sku%5Bne%5D=A-1&sort=sku", "A-2 B-1 B-2 C_%"),
        ("sku[in]=A-1,B-2,nothing&sort=sku", "A-1 B-2"),
        ("sku[prefix]=A-&sort=-sku", "A-2 A-1"),
        ("sku[prefix]=%25&sort=sku", ""),
        ("sku[prefix]=C_%25&sort=sku", "C_%"),
        ("currency=EUR&price[gte]=10&price[lt]=15.5&sort=sku", "A-2"),
        ("currency=JPY&price[lte]=700", "B-2"),
        ("currency[in]=JPY,USD&sort=sku", "B-2 C_%"),
        ("status=draft", "C_%"),
        ("status[ne]=draft&stock[gt]=2&sort=-price,sku", "B-1 A-2 B-2 A-1"),
        ("q=rare", "C_%"),
        ("q=lamp&sort=sku&limit=1", "A-1"),
        ("created_at[gt]=2999-01-01T00:00:00Z", ""),
        ("created_at[lt]=2999-01-01T00:00:00+02:00&sort=sku&limit=1", "A-1"),
    ] {
        let page = shop.get(&format!("{PRODUCTS}?{query}")).await;
        let found = column(&page, "sku");
        assert_eq!(found.join(" "), expected, "{query}");
    }
    let exact = shop.get(&format!("{PRODUCTS}?sku=A-1")).await;
    let id = exact.document["data"][0]["id"].as_str().unwrap().to_owned();
    let time = exact.document["data"][0]["created_at"].as_str().unwrap().to_owned();
    for query in [format!("id={id}"), format!("created_at={time}")] {
        assert_eq!(column(&shop.get(&format!("{PRODUCTS}?{query}")).await, "sku"), ["A-1"], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_asked_is_told_with_what_may() {
    let shop = Shop::open().await;
    for (query, place, code) in [
        ("colour=red", "colour", "unknown_parameter"),
        ("colour[eq]=red", "colour[eq]", "unknown_field"),
        ("price[eq=1", "price[eq", "unknown_parameter"),
        ("sku[like]=a", "sku[like]", "unknown_operator"),
        ("status[prefix]=a", "status[prefix]", "unknown_operator"),
        ("id[gt]=a", "id[gt]", "unknown_operator"),
        ("status=sold", "status", "invalid_value"),
        ("stock[gt]=many", "stock[gt]", "invalid_value"),
        ("id=7", "id", "invalid_value"),
        ("created_at[gt]=yesterday", "created_at[gt]", "invalid_value"),
        ("currency=eur", "currency", "invalid_value"),
        ("price[gt]=5", "price[gt]", "currency_needed"),
        ("currency=JPY&price[gt]=5.5", "price[gt]", "invalid_value"),
        ("sku=%00", "sku", "invalid_value"),
        ("sku=%FF", "sku", "invalid_value"),
        ("limit=0", "limit", "invalid_value"),
        ("limit=201", "limit", "invalid_value"),
        ("limit=5&limit=6", "limit", "repeated"),
        ("sort=stock", "sort", "unknown_field"),
        ("sort=", "sort", "unknown_field"),
        ("sort=name,-name", "sort", "repeated"),
        ("sort=name,sku,price,created_at", "sort", "invalid_value"),
        ("q=", "q", "invalid_value"),
        ("fields=id,colour", "fields", "unknown_field"),
        ("include=items", "include", "unknown_parameter"),
        ("after=x", "after", "invalid_cursor"),
        ("after=x&before=y", "before", "exclusive"),
    ] {
        let refused = shop.get(&format!("{PRODUCTS}?{query}")).await;
        let expected = if code == "invalid_cursor" { "400 invalid_cursor" } else { "400 invalid_parameter" };
        assert_eq!(refused.word(), expected, "{query}");
        let told = faults(&refused).into_iter().find(|fault| fault.0 == place);
        assert_eq!(told.map(|fault| fault.1).as_deref(), Some(code), "{query}: {refused:?}");
    }
    let all = shop.get(&format!("{PRODUCTS}?limit=x&colour=red&sort=colour&status=sold")).await;
    assert_eq!(faults(&all).len(), 4, "{all:?}");
    let message = all.document["errors"][2]["message"].as_str().unwrap();
    assert!(message.contains("created_at"), "what may be is named: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_how_many_there_are_and_where_the_others_are() {
    let shop = Shop::open().await;
    for number in 0..7 {
        shop.product(lamp(&format!("L-{number}"), "1", "EUR")).await;
    }
    let first = shop.get(&format!("{PRODUCTS}?sort=sku&limit=3&fields=sku,name&sku[prefix]=L-")).await;
    assert_eq!(first.headers["x-total-count"], "7");
    let page = first.document["meta"]["page"].clone();
    assert_eq!(
        (&page["total"], &page["total_is_exact"], &page["limit"]),
        (&json!(7), &json!(true), &json!(3))
    );
    assert_eq!((&page["has_more"], &page["previous"]), (&json!(true), &json!(null)));
    assert_eq!(first.document["data"][0].as_object().unwrap().len(), 2);
    let links = first.headers["link"].to_str().unwrap();
    let target = |links: &str, relation: &str| {
        let found = links.split(", ").find(|link| link.ends_with(&format!("rel=\"{relation}\"")));
        found.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned())
    };
    assert_eq!(target(links, "prev"), None);
    let next = shop.get(&target(links, "next").unwrap()).await;
    assert_eq!(column(&next, "sku"), ["L-3", "L-4", "L-5"]);
    let back = target(next.headers["link"].to_str().unwrap(), "prev").unwrap();
    let back = shop.get(&back).await;
    assert_eq!(column(&back, "sku"), ["L-0", "L-1", "L-2"]);
    assert_eq!(back.document["meta"]["page"]["previous"], json!(null));
    let start = target(next.headers["link"].to_str().unwrap(), "first").unwrap();
    let again = shop.get(&start).await;
    assert_eq!((&again.document, &again.tag), (&first.document, &first.tag));
    let known = shop.call(http::Method::GET, &start, &[("if-none-match", &first.tag)], None).await;
    assert_eq!(known.status, 304);
    // More than are counted.
    for number in 10..40 {
        shop.product(lamp(&format!("L-{number}"), "1", "EUR")).await;
    }
    let many = shop.get(PRODUCTS).await;
    assert_eq!(many.headers["x-total-count"], "30");
    assert_eq!(many.document["meta"]["page"]["total_is_exact"], json!(false));
}
