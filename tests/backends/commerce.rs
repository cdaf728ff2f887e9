//! Catalogue, stock and reservations, and the routes that show what arrived.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::support::http::{get, send, send_json};
use crate::support::process::Process;
use crate::{Folder, commerce};

fn hold(product_id: &str, quantity: u64, ttl_seconds: u64) -> Value {
    json!({ "items": [{ "product_id": product_id, "quantity": quantity }], "ttl_seconds": ttl_seconds })
}

fn available(shop: &Process, product_id: &str) -> u64 {
    get(&shop.url(&format!("/stock/{product_id}"))).json()["available"].as_u64().unwrap()
}

#[test]
fn the_catalogue_is_paged_and_priced() {
    let shop = commerce();
    let first = get(&shop.url("/products?limit=3")).json();
    assert_eq!(first["next"], "p-0003");
    let second = get(&shop.url("/products?limit=3&after=p-0003")).json();
    assert_eq!(second["products"][0]["id"], "p-0004");

    let prices = get(&shop.url("/prices?ids=p-0004,nothing")).json();
    assert_eq!(prices["prices"][0]["price_minor"], second["products"][0]["price_minor"]);
    assert_eq!(prices["missing"], json!(["nothing"]));

    let missing = get(&shop.url("/products/nothing"));
    assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
    assert_eq!(missing.header("x-backend"), "commerce-1");
    assert_eq!(get(&shop.url("/products?limit=0")).status, 422);
    assert_eq!(get(&shop.url("/nowhere")).json()["code"], "not_found");
}

#[test]
fn a_reservation_is_made_once_and_committed_once() {
    let shop = commerce();
    let before = available(&shop, "p-0001");
    let url = shop.url("/reservations/order-1");

    let made = send_json("PUT", &url, &[], &hold("p-0001", 2, 60));
    assert_eq!(made.status, 201);
    let again = send_json("PUT", &url, &[], &hold("p-0001", 2, 60));
    assert_eq!((again.status, again.json()), (200, made.json()));
    let other = send_json("PUT", &url, &[], &hold("p-0001", 3, 60));
    assert_eq!((other.status, &other.json()["code"]), (409, &json!("reservation_differs")));
    assert_eq!(available(&shop, "p-0001"), before - 2);

    assert_eq!(send("POST", &format!("{url}/commit"), &[], "").json()["state"], "committed");
    assert_eq!(send("POST", &format!("{url}/commit"), &[], "").status, 200);
    assert_eq!(send("DELETE", &url, &[], "").status, 409);
    assert_eq!(available(&shop, "p-0001"), before - 2);
}

#[test]
fn short_stock_names_the_product_and_release_frees_it() {
    let shop = commerce();
    let all = available(&shop, "p-0002");
    let first = shop.url("/reservations/order-1");
    assert_eq!(send_json("PUT", &first, &[], &hold("p-0002", all, 60)).status, 201);

    let second = shop.url("/reservations/order-2");
    let refused = send_json("PUT", &second, &[], &hold("p-0002", 1, 60));
    assert_eq!((refused.status, &refused.json()["product_id"]), (409, &json!("p-0002")));
    assert_eq!(get(&second).status, 404);

    assert_eq!(send("DELETE", &first, &[], "").status, 204);
    assert_eq!(send_json("PUT", &second, &[], &hold("p-0002", 1, 60)).status, 201);
}

#[test]
fn an_expired_reservation_frees_its_stock_by_itself() {
    let shop = commerce();
    let before = available(&shop, "p-0003");
    let url = shop.url("/reservations/order-1");
    assert_eq!(send_json("PUT", &url, &[], &hold("p-0003", 5, 1)).status, 201);

    shop.log_line(&["reservations expired"]);
    assert_eq!(get(&url).json()["state"], "expired");
    assert_eq!(available(&shop, "p-0003"), before);
    let late = send("POST", &format!("{url}/commit"), &[], "");
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("reservation_expired")));
}

#[test]
fn instances_with_one_file_agree_on_stock() {
    let folder = Folder::new("shared-stock");
    let data = folder.file("commerce.db");
    let shops: Vec<Process> =
        ["a", "b", "c"].map(|name| Process::example("commerce", name, &["--data", &data])).into();
    let all = available(&shops[0], "p-0001");

    // Every instance is asked at once for half of the stock: two orders fit, the third does not.
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let orders: Vec<_> = shops
            .iter()
            .zip(1..)
            .map(|(shop, number)| {
                let url = shop.url(&format!("/reservations/order-{number}"));
                scope.spawn(move || send_json("PUT", &url, &[], &hold("p-0001", all / 2, 60)).status)
            })
            .collect();
        orders.into_iter().map(|order| order.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 409]);
    assert_eq!(available(&shops[2], "p-0001"), all % 2);
}

#[test]
fn bodies_and_headers_come_through() {
    let shop = commerce();
    let text = "olympus ".repeat(50_000);
    assert_eq!(send("POST", &shop.url("/echo"), &[], &text).body, text);
    assert_eq!(send("POST", &shop.url("/count"), &[], &text).json(), json!({ "bytes": text.len() }));
    let bytes = get(&shop.url("/bytes/100000"));
    assert_eq!((bytes.body.len(), bytes.header("content-length")), (100_000, "100000"));
    assert_eq!(get(&shop.url("/bytes/100000?chunked=true")).header("transfer-encoding"), "chunked");

    let seen = send("GET", &shop.url("/headers?q=1"), &[("x-test", "yes")], "").json();
    assert_eq!((&seen["headers"]["x-test"], &seen["uri"]), (&json!(["yes"]), &json!("/headers?q=1")));

    let resumed = send("GET", &shop.url("/events?interval_ms=1&count=2"), &[("last-event-id", "7")], "");
    assert_eq!(resumed.body.matches("id: 8\n").count() + resumed.body.matches("id: 9\n").count(), 2);
}

#[test]
fn a_log_line_carries_the_request_and_trace_ids_but_not_the_query() {
    let shop = commerce();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [("x-request-id", "request-1"), ("traceparent", parent.as_str())];
    send("GET", &shop.url("/headers?secret=1"), &headers, "");

    let line: Value = serde_json::from_str(&shop.log_line(&["request-1"])).unwrap();
    assert_eq!((&line["request_id"], &line["trace_id"]), (&json!("request-1"), &json!(trace)));
    assert_eq!((&line["path"], &line["status"]), (&json!("/headers"), &json!(200)));
    assert_eq!(line["backend"], "commerce-1");
}

#[test]
fn a_websocket_message_comes_back() {
    let shop = commerce();
    let mut stream = shop.connect();
    let handshake = "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    let answer = String::from_utf8(answer).unwrap();
    // The key and its answer are the example of RFC 6455, section 1.3.
    assert!(
        answer.starts_with("HTTP/1.1 101") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{answer}"
    );

    // One final text frame, masked with zeros as clients must mask; it comes back without a mask.
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame, [0x81, 2, b'h', b'i']);
}
