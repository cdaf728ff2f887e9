//! Serves a router until SIGTERM or SIGINT, then lets requests in flight finish, for a bounded time.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::args::Common;
use super::faults::{self, Faults};
use super::log;
use super::problem::Problem;
use super::socket::{Cut, Listener};

/// How long requests in flight may take to finish after the signal; what is left then is cut.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `routes` until a signal asks to stop. Prints the address first, as JSON on stdout.
pub(crate) async fn serve(common: &Common, routes: Router) -> io::Result<()> {
    let stop = StopSignal::listen()?;
    let listener = Listener::bind(common.listen).await?;
    announce(listener.address()?);

    let (tell, told) = oneshot::channel::<()>();
    let app = dress(common, routes)?.into_make_service_with_connect_info::<Cut>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // An error means the sender is gone, which also means stop.
        told.await.unwrap_or_default();
    });
    let patience = async {
        stop.received().await;
        tracing::info!(backend = common.name, "stopping: finishing requests in flight");
        drop(tell);
        tokio::time::sleep(GRACE).await;
        tracing::warn!(backend = common.name, "stopping: cutting requests that did not finish in time");
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = patience => Ok(()),
    }
}

/// Adds to `routes` what every backend has: health, faults, problem answers for unknown routes, a name, a log line.
fn dress(common: &Common, routes: Router) -> io::Result<Router> {
    let name = HeaderValue::from_str(&common.name)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("--name: {error}")))?;
    let mut app = routes
        .layer(from_fn_with_state(Duration::from_millis(common.work_ms), work))
        .route("/healthz", get(health).with_state(common.name.clone()))
        .fallback(async || Problem::not_found("such route"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "the route has other methods")
        });
    if !common.no_faults {
        let faults = Faults::default();
        app = app.merge(faults::routes(faults.clone())).layer(from_fn_with_state(faults, faults::inject));
    }
    Ok(app.layer(from_fn_with_state(name, sign)).layer(from_fn_with_state(common.name.clone(), log::record)))
}

async fn health(State(name): State<String>) -> Json<Value> {
    Json(json!({ "status": "ok", "backend": name }))
}

/// Takes as long as it was told to.
async fn work(State(time): State<Duration>, request: Request, next: Next) -> Response {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
    next.run(request).await
}

/// Names the backend in the answer.
async fn sign(State(name): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(HeaderName::from_static("x-backend"), name);
    response
}

#[expect(clippy::print_stdout, reason = "whoever starts a backend on port 0 reads the address here")]
fn announce(address: SocketAddr) {
    println!("{}", json!({ "listening": address.to_string() }));
}

/// SIGTERM and SIGINT, listened to before the address is announced so that none is missed.
struct StopSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
