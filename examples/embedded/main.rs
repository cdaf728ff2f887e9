//! The gateway as a library, with local routes of its own in place of `/api/v1/status`. `benches/` and `tests/shows`
//! use it to see how the bridge treats handlers that read slowly, never answer, or are left by their client.
//! Usage: `embedded CONFIG`; routes with `local = "status"` lead here.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use olympus_gateway::app::App;
use olympus_gateway::config;
use olympus_gateway::error::Error;
use olympus_gateway::http::Problem;
use olympus_gateway::pipeline::Locals;

/// Pause after each piece of a body that is read slowly: about 30 MB/s with pieces of 64 KiB.
const PAUSE: Duration = Duration::from_millis(2);

/// Handlers that were begun and not ended.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn enter(&self) -> Left {
        self.0.fetch_add(1, Ordering::SeqCst);
        Left(self.0.clone())
    }
}

/// Counts a handler as ended however it ends: by answering, or because it was dropped.
struct Left(Arc<AtomicUsize>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn slow(State(busy): State<Busy>, mut body: Body) -> Result<String, Problem> {
    let _left = busy.enter();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Problem::from(Error::internal("read the body").caused_by(error)))?;
        bytes += frame.data_ref().map_or(0, |data| data.len());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(format!("{bytes}\n"))
}

async fn hang(State(busy): State<Busy>) {
    let _left = busy.enter();
    std::future::pending::<()>().await;
}

async fn busy(State(busy): State<Busy>) -> String {
    format!("{}\n", busy.0.load(Ordering::SeqCst))
}

/// Two pieces, each of which is sent when it is there.
async fn ticks() -> Body {
    pieces([Ok("tick 1\n"), Ok("tick 2\n")])
}

/// The same piece again and again, for as long as somebody reads.
async fn endless(State(busy): State<Busy>) -> Body {
    Body::from_stream(stream::unfold(busy.enter(), |left| async {
        tokio::time::sleep(PAUSE).await;
        Some((Ok::<_, io::Error>("tick\n"), left))
    }))
}

/// A body that fails after its first piece.
async fn broken() -> Body {
    pieces([Ok("half of it"), Err(io::Error::other("the other half is lost"))])
}

/// Each piece after a pause, so that no two are sent as one.
fn pieces(pieces: [io::Result<&'static str>; 2]) -> Body {
    Body::from_stream(stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(PAUSE).await;
        piece
    }))
}

/// A status and nothing else.
async fn nothing(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT)
}

#[expect(clippy::print_stderr, reason = "a command line of its own")]
fn main() -> ExitCode {
    let file = std::env::args().nth(1).unwrap_or_default();
    let loaded = match config::load(file.as_ref(), config::process_environment()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return ExitCode::FAILURE;
        }
    };
    let router = Router::new()
        .route("/api/v1/slow", post(slow))
        .route("/api/v1/hang", get(hang))
        .route("/api/v1/busy", get(busy))
        .route("/api/v1/ticks", get(ticks))
        .route("/api/v1/endless", get(endless))
        .route("/api/v1/broken", get(broken))
        .route("/api/v1/nothing/{status}", get(nothing))
        .with_state(Busy::default());
    let app = App::build(loaded).map(|app| app.with_locals(|locals| Locals { status: router, ..locals }));
    match app.and_then(App::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embedded: {error}");
            ExitCode::FAILURE
        }
    }
}
