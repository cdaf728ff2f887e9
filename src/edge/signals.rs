//! How the process ends. SIGTERM: readiness goes false, connections are accepted for a while longer while every
//! answer says `Connection: close`, then listeners close and requests in flight get their time. SIGINT: the
//! same without the while. A second signal ends at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::pipeline::Pipeline;
use crate::tasks::Lifecycle;
use crate::telemetry::AccessLog;

/// Waits for signals on behalf of Pingora.
pub(super) struct Signals {
    pub(super) lifecycle: Lifecycle,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) access: Arc<AccessLog>,
    /// Where the end is waited for; Pingora's own runtimes are busy ending.
    pub(super) runtime: Handle,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let (Some(mut terminate), Some(mut interrupt)) =
            (open(SignalKind::terminate()), open(SignalKind::interrupt()))
        else {
            return ShutdownSignal::FastShutdown;
        };
        let delay = tokio::select! {
            _ = terminate.recv() => self.pipeline.settings().server.drain.delay.get(),
            _ = interrupt.recv() => Duration::ZERO,
        };
        let limit = self.pipeline.settings().server.drain.timeout.get();
        tracing::info!(in_flight = self.lifecycle.in_flight(), "draining: asked to end");
        self.lifecycle.drain();
        let second = async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        let end = end(self.lifecycle.clone(), self.access.clone(), delay, limit);
        // Not through `tasks`: this outlives them, it is what ends them.
        #[expect(
            clippy::disallowed_methods,
            reason = "the task that ends the process cannot be owned by it"
        )]
        self.runtime.spawn(async move {
            let why = tokio::select! { why = end => why, () = second => "a second signal" };
            tracing::info!(why, "ended");
            std::process::exit(0);
        });
        sleep(delay).await;
        ShutdownSignal::GracefulTerminate
    }
}

/// Waits until requests in flight are served or out of time, then flushes. Says which it was.
async fn end(lifecycle: Lifecycle, access: Arc<AccessLog>, delay: Duration, limit: Duration) -> &'static str {
    sleep(delay).await;
    let is_idle = lifecycle.idle_within(limit).await;
    lifecycle.stop();
    if !is_idle {
        tracing::warn!(in_flight = lifecycle.in_flight(), "requests were cut: server.drain.timeout is over");
    }
    access.close();
    if is_idle { "all requests are served" } else { "out of time" }
}

fn open(kind: SignalKind) -> Option<Signal> {
    signal(kind).map_err(|error| tracing::error!(%error, "listen for signals")).ok()
}
