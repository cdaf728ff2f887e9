//! Routes that show what the gateway does to bytes: bodies of any size both ways, headers, events, sockets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::support::extract::Segments;
use crate::support::problem::Problem;

const CHUNK: u64 = 65_536;

/// `/echo`: the body comes back as it arrives, with its type.
pub(super) async fn echo(request: Request) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = request.into_body().into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// `POST /count`: reads the whole body, keeps none of it.
pub(super) async fn count(body: Body) -> Result<Json<Value>, Problem> {
    let mut body = body.into_data_stream();
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk.map_err(|_| Problem::invalid("the body broke off"))?.len();
    }
    Ok(Json(json!({ "bytes": bytes })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Framing {
    chunked: bool,
}

/// `GET /bytes/{count}?chunked=true`: that many bytes, with their length announced unless chunked.
pub(super) async fn bytes(
    Segments(count): Segments<u64>,
    Parameters(framing): Parameters<Framing>,
) -> Response {
    let chunk = Bytes::from(vec![b'o'; CHUNK as usize]);
    let chunks = stream::unfold(count, move |left| {
        let size = left.min(CHUNK);
        let part = chunk.slice(..size as usize);
        async move { (size > 0).then(|| (Ok::<_, Infallible>(part), left - size)) }
    });
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if !framing.chunked {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    }
    response
}

/// `/headers`: the request as it arrived here; each header with all its values.
pub(super) async fn headers(request: Request) -> Json<Value> {
    let mut headers = BTreeMap::<&str, Vec<_>>::new();
    for (name, value) in request.headers() {
        headers.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()));
    }
    Json(json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "version": format!("{:?}", request.version()),
        "content_length": request.body().size_hint().exact(),
        "headers": headers,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Ticks {
    interval_ms: u64,
    count: Option<u64>,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { interval_ms: 1000, count: None }
    }
}

/// `GET /events?interval_ms&count`: numbers as server-sent events, going on after `Last-Event-ID`.
pub(super) async fn events(
    headers: HeaderMap,
    Parameters(ticks): Parameters<Ticks>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0_u64);
    let end = ticks.count.map_or(u64::MAX, |count| last.saturating_add(count));
    let clock = tokio::time::interval(Duration::from_millis(ticks.interval_ms.max(1)));
    Sse::new(stream::unfold((clock, last), move |(mut clock, last)| async move {
        let id = last.checked_add(1).filter(|id| *id <= end)?;
        clock.tick().await;
        let event = Event::default().id(id.to_string()).event("tick").data(json!({ "tick": id }).to_string());
        Some((Ok(event), (clock, id)))
    }))
}

/// `GET /ws`: sends every text and binary message back. Takes any subprotocol named `echo`.
pub(super) async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["echo"]).on_upgrade(echo_messages)
}

async fn echo_messages(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let answer = match message {
            Message::Text(_) | Message::Binary(_) => message,
            // The WebSocket layer answers these by itself.
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}
