//! The reference backends through their sockets: what the demonstrations and the gateway's tests rely on.

#![cfg(test)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::http::{get, send, send_json, try_send};
use support::process::Process;

const SERVICE_TOKEN: &str = "service-token-of-the-tests";
const DEMO_PASSWORD: &str = "olympus-demo-1";

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn commerce() -> Process {
    Process::example("commerce", "commerce-1", &["--sweep-ms", "20"])
}

/// Hashing is made cheap, since tests log in often and debug builds hash slowly.
fn auth(folder: &Folder) -> Process {
    let (database, token) = (folder.file("auth.db"), folder.file("token"));
    std::fs::write(&token, SERVICE_TOKEN).unwrap();
    let arguments =
        ["--database", &database, "--service-token-file", &token, "--seed-demo", "--hash-memory", "64"];
    Process::example("auth", "auth-1", &arguments)
}

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
fn faults_are_switched_for_all_and_counted() {
    let shop = commerce();
    assert_eq!(send("PUT", &shop.url("/faults"), &[], "status=503").status, 204);
    let failed = get(&shop.url("/products"));
    assert_eq!((failed.status, &failed.json()["code"]), (503, &json!("injected_fault")));
    assert_eq!(get(&shop.url("/healthz")).status, 200);

    send("PUT", &shop.url("/faults"), &[], "status=500;health=true");
    assert_eq!(get(&shop.url("/healthz")).status, 500);
    assert_eq!(get(&shop.url("/faults")).json()["injected"]["status"], 2);

    assert_eq!(send("DELETE", &shop.url("/faults"), &[], "").status, 204);
    assert_eq!(get(&shop.url("/products")).status, 200);
    assert_eq!(get(&shop.url("/faults")).json()["mode"], Value::Null);
}

#[test]
fn faults_are_asked_for_by_header() {
    let shop = commerce();
    let ask = |fault| send("GET", &shop.url("/products/p-0001"), &[("x-fault", fault)], "").status;
    assert_eq!(ask("status=418"), 418);
    assert_eq!(ask("delay=1ms"), 200);
    assert_eq!(ask("probability=0;status=500"), 200);
    assert_eq!(ask("probability=1;status=500"), 500);
    assert_eq!(ask("nonsense"), 422);
    assert!(try_send("GET", &shop.url("/healthz"), &[("x-fault", "reset")], "").is_err());
}

fn request(path: &str, fault: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\nx-fault: {fault}\r\n\r\n")
}

#[test]
fn a_reset_arrives_as_a_reset_before_any_byte() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "reset").as_bytes()).unwrap();
    let error = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_truncated_answer_breaks_off_half_way() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "truncate").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 1024"), "{head}");
    assert_eq!(body.len(), 512);
}

#[test]
fn a_hanging_request_is_logged_when_the_caller_leaves() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/hangs", "hang").as_bytes()).unwrap();
    while get(&shop.url("/faults")).json()["injected"]["hang"] != 1 {}
    drop(stream);
    let line: Value = serde_json::from_str(&shop.log_line(&["/hangs"])).unwrap();
    assert_eq!(line.get("status"), None);
}

#[test]
fn a_stop_lets_the_request_in_flight_finish() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products/p-0001", "delay=300ms").as_bytes()).unwrap();
    while get(&shop.url("/faults")).json()["injected"]["delay"] != 1 {}
    assert_eq!(shop.stop().code(), Some(0));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("p-0001"), "{answer}");
}

#[test]
fn a_stop_cuts_what_never_finishes() {
    let shop = commerce();
    let mut stream = shop.connect();
    stream.write_all(request("/products", "hang").as_bytes()).unwrap();
    while get(&shop.url("/faults")).json()["injected"]["hang"] != 1 {}
    assert_eq!(shop.stop().code(), Some(0));
}

fn log_in(service: &Process, tenant: &str, email: &str, password: &str) -> support::http::Answer {
    let body = json!({ "tenant": tenant, "email": email, "password": password });
    send_json("POST", &service.url("/login"), &[], &body)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn a_login_gives_a_token_that_says_who_it_is() {
    let folder = Folder::new("login");
    let service = auth(&folder);
    let welcome = log_in(&service, "acme", "Admin@acme.example", DEMO_PASSWORD).json();
    assert_eq!((&welcome["tenant"], &welcome["roles"]), (&json!("acme"), &json!(["tenant_admin"])));
    let token = welcome["token"].as_str().unwrap();

    let mine = [("authorization", bearer(token))];
    let mine = mine.each_ref().map(|(name, value)| (*name, value.as_str()));
    let info = send("GET", &service.url("/userinfo"), &mine, "");
    assert_eq!((info.status, &info.json()["user_id"]), (200, &welcome["user_id"]));
    assert_eq!(get(&service.url("/userinfo")).header("www-authenticate"), "Bearer");

    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("token={token}");
    assert_eq!(send("POST", &service.url("/introspect"), &form, &body).status, 401);
    let service_token = bearer(SERVICE_TOKEN);
    let trusted = [form[0], ("authorization", service_token.as_str())];
    let good = send("POST", &service.url("/introspect"), &trusted, &body).json();
    assert_eq!((&good["active"], &good["sub"]), (&json!(true), &welcome["user_id"]));
    let unknown = send("POST", &service.url("/introspect"), &trusted, "token=other").json();
    assert_eq!(unknown, json!({ "active": false }));
}

#[test]
fn a_refused_login_does_not_tell_what_was_wrong() {
    let folder = Folder::new("refused");
    let service = auth(&folder);
    let refusals = [
        log_in(&service, "acme", "admin@acme.example", "not the password"),
        log_in(&service, "acme", "nobody@acme.example", DEMO_PASSWORD),
        log_in(&service, "globex", "manager@acme.example", DEMO_PASSWORD),
        log_in(&service, "acme", "admin@acme.example", ""),
    ];
    for refusal in &refusals {
        assert_eq!((refusal.status, &refusal.body), (401, &refusals[0].body));
    }
}

#[test]
fn services_manage_credentials() {
    let folder = Folder::new("credentials");
    let service = auth(&folder);
    let url = service.url("/credentials/0195f7a0-0000-7000-8000-000000000001");
    let service_token = bearer(SERVICE_TOKEN);
    let trusted = [("authorization", service_token.as_str())];
    let ada = |password: Value, role: &str| {
        json!({ "tenant": "acme", "email": "ada@acme.example", "name": "Ada",
                "roles": [role], "password": password })
    };

    assert_eq!(send_json("PUT", &url, &[], &ada(json!("long enough"), "member")).status, 401);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(json!("short"), "member")).status, 422);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(Value::Null, "member")).status, 422);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(json!("long enough"), "member")).status, 201);
    assert_eq!(send_json("PUT", &url, &trusted, &ada(Value::Null, "manager")).status, 200);
    let welcome = log_in(&service, "acme", "ada@acme.example", "long enough").json();
    assert_eq!(welcome["roles"], json!(["manager"]));

    let taken = service.url("/credentials/0195f7a0-0000-7000-8000-000000000002");
    assert_eq!(send_json("PUT", &taken, &trusted, &ada(json!("long enough"), "member")).status, 409);

    assert_eq!(send("DELETE", &url, &trusted, "").status, 204);
    assert_eq!(log_in(&service, "acme", "ada@acme.example", "long enough").status, 401);
}

#[test]
fn credentials_outlive_a_restart_and_secrets_stay_out_of_the_log() {
    let folder = Folder::new("restart");
    let service = auth(&folder);
    let first = log_in(&service, "globex", "admin@globex.example", DEMO_PASSWORD).json();
    let line = service.log_line(&["logged in"]);
    assert!(!line.contains(first["token"].as_str().unwrap()) && !line.contains(DEMO_PASSWORD), "{line}");
    assert_eq!(service.stop().code(), Some(0));

    let service = auth(&folder);
    let second = log_in(&service, "globex", "admin@globex.example", DEMO_PASSWORD).json();
    assert_eq!(second["user_id"], first["user_id"]);
}
