//! How the process ends. SIGTERM: readiness goes false, connections are accepted for a while longer while every
//! answer says `Connection: close`, then listeners close and requests in flight get their time. SIGINT: the
//! same without the while. SIGQUIT: the listeners are handed to a process that waits for them, then the same.
//! A second signal ends at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::pipeline::Pipeline;
use crate::tasks::Lifecycle;
use crate::telemetry::Telemetry;

/// How long Pingora goes on accepting after it handed the listeners over.
const BOTH: Duration = Duration::from_secs(5);
/// After that, connections that were accepted last become requests: nothing of them counts before their heads are read.
const LAST_HEADS: Duration = Duration::from_millis(500);

/// How long clients of HTTP/2 may take to read what is left of their answers, when all requests are served.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// Waits for signals on behalf of Pingora.
pub(super) struct Signals {
    pub(super) lifecycle: Lifecycle,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) telemetry: Telemetry,
    /// Where a new process waits for the listeners.
    pub(super) upgrade_socket: Option<PathBuf>,
    /// Where the end is waited for; Pingora's own runtimes are busy ending.
    pub(super) runtime: Handle,
}

/// The signals that end the process.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// In which way it is to end.
enum End {
    /// Clients go elsewhere after this while.
    Drain(Duration),
    /// Another process goes on.
    HandOver,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let Some(mut asked) = Asked::open() else { return ShutdownSignal::FastShutdown };
        match self.next(&mut asked).await {
            End::Drain(delay) => {
                tracing::info!(in_flight = self.lifecycle.in_flight(), "draining: asked to end");
                self.lifecycle.drain();
                self.end_after(delay, asked);
                sleep(delay).await;
                ShutdownSignal::GracefulTerminate
            }
            End::HandOver => {
                tracing::info!(in_flight = self.lifecycle.in_flight(), "handing the listeners over");
                self.lifecycle.hand_over();
                self.end_after(BOTH, asked);
                ShutdownSignal::GracefulUpgrade
            }
        }
    }
}

impl Signals {
    async fn next(&self, asked: &mut Asked) -> End {
        loop {
            tokio::select! {
                _ = asked.terminate.recv() => {
                    return End::Drain(self.pipeline.settings().server.drain.delay.get());
                }
                _ = asked.interrupt.recv() => return End::Drain(Duration::ZERO),
                _ = asked.quit.recv() => match &self.upgrade_socket {
                    // It may be another of that name, where this process cannot go.
                    Some(socket) if is_listened_on(socket) && socket.exists() => return End::HandOver,
                    Some(socket) => {
                        let socket = socket.display();
                        tracing::error!(%socket, "SIGQUIT is ignored: no `olympus run --upgrade` waits there");
                    }
                    None => tracing::error!("SIGQUIT is ignored: server.upgrade_socket is not set"),
                },
            }
        }
    }

    /// Ends the process when the delay is over and all is served or out of time, or at another signal.
    fn end_after(&self, delay: Duration, asked: Asked) {
        let limit = self.pipeline.settings().server.drain.timeout.get();
        let end = end(self.lifecycle.clone(), self.telemetry.clone(), delay, limit);
        // Not through `tasks`: this outlives them, it is what ends them.
        #[expect(
            clippy::disallowed_methods,
            reason = "the task that ends the process cannot be owned by it"
        )]
        self.runtime.spawn(async move {
            let why = tokio::select! { why = end => why, () = asked.again() => "a second signal" };
            tracing::info!(why, "ended");
            std::process::exit(0);
        });
    }
}

impl Asked {
    fn open() -> Option<Self> {
        let open = |kind| signal(kind).map_err(|error| tracing::error!(%error, "listen for signals")).ok();
        Some(Self {
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
            quit: open(SignalKind::quit())?,
        })
    }

    /// Waits for one that leaves no doubt.
    async fn again(mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

/// Waits until requests in flight are served or out of time, then flushes. Says which it was.
async fn end(lifecycle: Lifecycle, telemetry: Telemetry, delay: Duration, limit: Duration) -> &'static str {
    // Who is not to wait for clients does not wait for those that are about to ask either.
    sleep(if delay.is_zero() { delay } else { delay + LAST_HEADS }).await;
    lifecycle.drain();
    let began = Instant::now();
    let is_idle = lifecycle.idle_within(limit).await;
    // They were asked to go, and do when their answers are written.
    let is_quiet = lifecycle.quiet_within(LAST_BYTES.min(limit.saturating_sub(began.elapsed()))).await;
    lifecycle.stop();
    if is_idle && !is_quiet {
        tracing::info!("connections of HTTP/2 were cut: their clients did not go");
    }
    if !is_idle {
        tracing::warn!(in_flight = lifecycle.in_flight(), "requests were cut: server.drain.timeout is over");
    }
    telemetry.access.close();
    telemetry.traces.end();
    if is_idle { "all requests are served" } else { "out of time" }
}

/// Whether a process listens on a Unix socket. Connecting would tell too, but whoever waits there takes the first
/// connection for the listeners.
fn is_listened_on(socket: &Path) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    sockets.lines().any(|line| listens(line, socket))
}

/// Reads a line of `/proc/net/unix`: number, references, protocol, flags, type, state, inode, path. The flag is that
/// of sockets that accept (`__SO_ACCEPTCON`, linux/net.h).
fn listens(line: &str, socket: &Path) -> bool {
    let mut fields = line.split_ascii_whitespace();
    let (flags, path) = (fields.nth(3), fields.nth(3));
    flags == Some("00010000") && path.is_some_and(|path| Path::new(path) == socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_is_listened_on_while_its_listener_lives() {
        let path = std::env::temp_dir().join(format!("olympus-signals-{}.sock", std::process::id()));
        assert!(!is_listened_on(&path));
        let listener = UnixListener::bind(&path).unwrap();
        assert!(is_listened_on(&path));
        drop(listener);
        assert!(!is_listened_on(&path), "the file is there, but nobody listens");
        std::fs::remove_file(path).unwrap();
    }
}
