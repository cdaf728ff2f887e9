//! HTTP/2 without TLS: many requests on one connection, to backends that speak HTTP/1.1.

use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::{self, SendRequest};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::timeout;
use ureq::http::{HeaderMap, Request, StatusCode};

use crate::limits::in_whole_minutes;
use crate::support::double::Double;
use crate::support::gateway::Gateway;
use crate::support::http::get;
use crate::support::process::PATIENCE;
use crate::support::wait::{pass, until};
use crate::{app, before, commerce, endpoint};

/// A connection, driven by a task that ends with the set.
struct Client {
    requests: SendRequest<Bytes>,
    _driver: JoinSet<()>,
}

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Client {
    async fn of(gateway: &Gateway) -> Self {
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        let (requests, connection) = client::handshake(stream).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move { connection.await.unwrap_or_default() });
        Self { requests, _driver: driver }
    }

    async fn ask(&self, method: &str, path: &str, body: &'static str) -> Told {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let request =
            Request::builder().method(method).uri(format!("http://shop.example{path}")).body(()).unwrap();
        let (answer, mut stream) = requests.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body.into(), true).unwrap();
        }
        let (head, mut stream) = timeout(PATIENCE, answer).await.expect("an answer").unwrap().into_parts();
        let mut body = Vec::new();
        while let Some(piece) = timeout(PATIENCE, stream.data()).await.expect("a piece or the end") {
            let piece = piece.unwrap();
            stream.flow_control().release_capacity(piece.len()).unwrap();
            body.extend(piece);
        }
        Told { status: head.status, headers: head.headers, body }
    }

    /// Asks the backend to fail and says whether the answer looks whole all the same.
    async fn is_whole(&self, path: &str, fault: &str) -> bool {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let request = Request::get(format!("http://shop.example{path}")).header("x-fault", fault);
        let (answer, _) = requests.send_request(request.body(()).unwrap(), true).unwrap();
        // The reset may overtake the head. After an error the stream would go on saying so.
        let Ok(answer) = timeout(PATIENCE, answer).await.expect("a head or a reset") else { return false };
        let mut body = answer.into_body();
        loop {
            match timeout(PATIENCE, body.data()).await.expect("a piece or the end") {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    }
}

#[tokio::test]
async fn a_request_reaches_a_backend_of_http_1() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "hosts = [\"shop.example\"]");
    let client = Client::of(&gateway).await;
    let told = client.ask("GET", "/api/headers?q=1", "").await;
    let seen: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(
        (told.status.as_u16(), &seen["uri"], &seen["version"]),
        (200, &json!("/headers?q=1"), &json!("HTTP/1.1"))
    );
    assert_eq!(seen["headers"]["host"], json!(["shop.example"]));
    assert_eq!(seen["headers"]["x-forwarded-host"], json!(["shop.example"]));
    assert!(seen["headers"]["forwarded"][0].as_str().unwrap().contains("host=\"shop.example\""), "{seen}");
    let line = gateway.line_of(told.headers["x-request-id"].to_str().unwrap());
    assert_eq!((&line["protocol"], &line["host"]), (&json!("HTTP/2"), &json!("shop.example")));
    for name in ["connection", "keep-alive", "transfer-encoding"] {
        assert!(!told.headers.contains_key(name), "{name} has no meaning in HTTP/2");
    }
}

#[tokio::test]
async fn requests_share_a_connection_and_bodies_go_both_ways() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let client = Client::of(&gateway).await;
    let (echo, bytes, local) = tokio::join!(
        client.ask("POST", "/api/echo", "what was sent"),
        client.ask("GET", "/api/bytes/3000000?chunked=true", ""),
        client.ask("GET", "/api/v1/status", ""),
    );
    assert_eq!((echo.body.as_slice(), bytes.body.len()), (b"what was sent".as_slice(), 3_000_000));
    assert_eq!(serde_json::from_slice::<Value>(&local.body).unwrap()["success"], true);
    let head = client.ask("HEAD", "/api/v1/status", "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(client.ask("GET", "/nowhere", "").await.headers["content-type"], "application/problem+json");
    assert_eq!(client.ask("POST", "/nowhere", "an unread body").await.status, 404);
    assert_eq!(client.ask("GET", "/livez", "").await.status, 200, "the connection goes on");
}

#[tokio::test]
async fn a_body_that_breaks_off_resets_the_stream() {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let client = Client::of(&gateway).await;
    assert!(!client.is_whole("/api/products", "truncate").await, "it must not end as if it were whole");
    assert_eq!(client.ask("GET", "/livez", "").await.status, 200, "other streams go on");
    let chunks = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
        Err(ErrorKind::Other.into())
    });
    let gateway = before(chunks.address(), "", "");
    let client = Client::of(&gateway).await;
    assert!(!client.is_whole("/api/x", "none").await, "the last chunk did not come");
}

#[tokio::test]
async fn a_stream_is_reset_at_the_end_of_its_time_and_the_connection_goes_on() {
    let backend = Double::start(|_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            wire.try_send(".")?;
            pass(Duration::from_millis(20));
        }
    });
    let times = "try_timeout = \"200ms\"\nconnect_timeout = \"100ms\"\nretry = { max_retries = 0 }";
    let gateway = before(backend.address(), times, "response_timeout = \"200ms\"\nmax_duration = \"400ms\"");
    let client = Client::of(&gateway).await;
    assert!(!client.is_whole("/api/x", "none").await, "it was cut");
    assert_eq!(client.ask("GET", "/livez", "").await.status, 200);
    assert_eq!(gateway.metric("olympus_requests_out_of_time_total", &[]), 1.0);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let here = Gateway::embedded("[server.timeouts]\nbody_idle = \"300ms\"\n");
    assert_slow_client(&here, "/api/v1/slow").await;
    let shop = commerce("shop");
    let gateway = before(shop.address(), "idle_timeout = \"300ms\"", "");
    assert_slow_client(&gateway, "/api/count").await;
    assert_eq!(gateway.metric("olympus_upstream_failures_total", &[]), 0.0, "it would have answered");
}

async fn assert_slow_client(gateway: &Gateway, path: &str) {
    let client = Client::of(gateway).await;
    let mut requests = client.requests.clone().ready().await.unwrap();
    let request = Request::post(format!("http://shop.example{path}")).body(()).unwrap();
    let (answer, mut stream) = requests.send_request(request, false).unwrap();
    stream.send_data("half".into(), false).unwrap();
    let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
    assert_eq!(answer.status(), 408);
    drop(stream);
    let line = gateway.line_of(answer.headers()["x-request-id"].to_str().unwrap());
    assert_eq!((&line["flag"], &line["bytes_received"]), (&json!("DT"), &json!(4)), "{line}");
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Double::start(move |_, wire| {
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")?;
        for number in 1..=3 {
            wire.try_send(format!("data: {number}\n\n"))?;
            // The next event is sent only when the client has seen this one.
            told.lock().unwrap().recv().unwrap();
        }
        Err(ErrorKind::Other.into())
    });
    let gateway = before(backend.address(), "", "");
    let client = Client::of(&gateway).await;
    let mut requests = client.requests.clone().ready().await.unwrap();
    let request = Request::get("http://shop.example/api/events").body(()).unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    let mut body = timeout(PATIENCE, answer).await.expect("a head").unwrap().into_body();
    for number in 1..=3 {
        let event = timeout(PATIENCE, body.data()).await.expect("an event").unwrap().unwrap();
        assert_eq!(event, format!("data: {number}\n\n"));
        go.send(()).unwrap();
    }
    let end = timeout(PATIENCE, body.data()).await.expect("the end");
    assert!(end.is_none_or(|piece| piece.is_ok_and(|piece| piece.is_empty())), "no more than was sent");
}

#[tokio::test]
async fn a_connection_that_ends_takes_its_unanswered_requests_with_it() {
    let (tell, mut told) = unbounded_channel();
    let backend = Double::start(move |_, wire| {
        tell.send("asked").unwrap();
        wire.rest();
        tell.send("left").unwrap();
        Err(ErrorKind::Other.into())
    });
    let gateway = before(backend.address(), "", "");
    let client = Client::of(&gateway).await;
    let mut requests = client.requests.clone().ready().await.unwrap();
    let request = Request::get("http://shop.example/api/x").header("x-request-id", "unanswered-1");
    let (_answer, _) = requests.send_request(request.body(()).unwrap(), true).unwrap();
    assert_eq!(timeout(PATIENCE, told.recv()).await.expect("the backend is asked"), Some("asked"));
    drop(client);
    assert_eq!(timeout(PATIENCE, told.recv()).await.expect("the backend is let go"), Some("left"));
    let line = gateway.line_of("unanswered-1");
    assert_eq!((&line["status"], &line["flag"]), (&json!(0), &json!("DC")), "{line}");
}

#[tokio::test]
async fn a_drain_lets_connections_go_once_they_have_their_answers() {
    let (tell, mut told) = unbounded_channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let backend = Double::start(move |_, wire| {
        tell.send(()).unwrap();
        may_go.lock().unwrap().recv().unwrap();
        wire.try_send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    });
    let config = app(&[endpoint(backend.address())], "", "");
    let gateway = Gateway::start(&format!("{config}\n[server.drain]\ndelay = \"60s\"\n"));
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut requests, connection) = client::handshake(stream).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get("http://shop.example/api/slow").body(()).unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    timeout(PATIENCE, told.recv()).await.expect("the backend is asked").unwrap();

    gateway.signal("TERM");
    let is_draining = || get(&gateway.metrics_url("/readyz")).status == 503;
    until("it drains", || is_draining().then_some(()));
    go.send(()).unwrap();
    assert_eq!(timeout(PATIENCE, answer).await.expect("an answer").unwrap().status(), 200);
    let ended = timeout(PATIENCE, driver.join_next()).await.expect("the end of the connection");
    ended.unwrap().unwrap().expect("an orderly one");
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (mut requests, connection) = client::handshake(stream).await.unwrap();
    driver.spawn(connection);
    let request = Request::get("http://shop.example/livez").body(()).unwrap();
    let (answer, _) = requests.send_request(request, true).unwrap();
    let answer = timeout(PATIENCE, answer).await.expect("an answer").unwrap();
    assert_eq!(answer.status(), 200, "who comes during the delay is served");
    let ended = timeout(PATIENCE, driver.join_next()).await.expect("the end of that connection");
    ended.unwrap().unwrap().expect("an orderly one");
}

#[tokio::test]
async fn a_stream_that_its_client_resets_ends_the_request_to_the_backend() {
    let (tell, mut told) = unbounded_channel();
    let backend = Double::start(move |_, wire| {
        tell.send("asked").unwrap();
        wire.try_send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")?;
        wire.rest();
        tell.send("left").unwrap();
        Err(ErrorKind::Other.into())
    });
    let gateway = before(backend.address(), "", "");
    let client = Client::of(&gateway).await;
    let mut requests = client.requests.clone().ready().await.unwrap();
    let request = Request::get("http://shop.example/api/x").header("x-request-id", "reset-stream-1");
    let (answer, mut stream) = requests.send_request(request.body(()).unwrap(), true).unwrap();
    let mut body = timeout(PATIENCE, answer).await.expect("a head").unwrap().into_body();
    assert_eq!(timeout(PATIENCE, body.data()).await.expect("a piece").unwrap().unwrap(), "hello");
    stream.send_reset(Reason::CANCEL);
    for event in ["asked", "left"] {
        assert_eq!(timeout(PATIENCE, told.recv()).await.expect("the backend is let go"), Some(event));
    }
    assert_eq!(gateway.line_of("reset-stream-1")["flag"], "DC");
    assert_eq!(client.ask("GET", "/livez", "").await.status, 200, "other streams go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_told_and_refuses_over_http2_too() {
    let limit = "[limits.default]\nkey = [\"ip\"]\nrate = \"1/h\"\nburst = 2\n\
                 [routes.limited]\npath = \"/limited\"\nlocal = \"health\"\nlimits = [\"default\"]";
    let gateway = Gateway::start(limit);
    let client = Client::of(&gateway).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let told = client.ask("GET", "/limited", "").await;
        seen.push((told.status.as_u16(), in_whole_minutes(told.headers["ratelimit"].to_str().unwrap())));
    }
    let expected = [(404, "r=1;t=3600"), (404, "r=0;t=7200"), (429, "r=0;t=7200")];
    assert_eq!(seen, expected.map(|(status, left)| (status, format!("\"default\";{left}"))));
}
