//! The access log: one JSON line a request, handed over in memory and written by a thread of its own.
//!
//! No line is lost while the writer keeps up; when more than [`MOST_WAITING`] bytes wait, further lines are
//! counted instead of kept, so a stuck disk or pipe never stops requests.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus::IntCounter;

use super::json::Object;
use crate::config;
use crate::model::TenantId;

/// Bytes that may wait for the writer.
const MOST_WAITING: usize = 16 << 20;
/// The writer is woken at once when this much waits; else it looks after [`PAUSE`].
const WORTH_WAKING: usize = 256 << 10;
/// How long a line may wait.
const PAUSE: Duration = Duration::from_millis(100);

/// One request, as the log shows it. What does not apply is left out.
#[derive(Debug)]
pub struct Line<'a> {
    /// When the request's head was complete.
    pub time: DateTime<Utc>,
    /// The request's id.
    pub request_id: &'a str,
    /// The trace it belongs to.
    pub trace_id: &'a str,
    /// The client's address, behind trusted proxies.
    pub client: std::net::IpAddr,
    /// The tenant of the caller.
    pub tenant: Option<TenantId>,
    /// The caller within the tenant: an id.
    pub user: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// The `Host` asked for.
    pub host: Option<&'a str>,
    /// The path without its query, which may hold secrets.
    pub path: &'a str,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'a str,
    /// The status sent; 0 if the client left before.
    pub status: u16,
    /// Why it failed, as a short word after Envoy's response flags; `-` where it did not.
    pub flag: &'a str,
    /// Name of the route.
    pub route: Option<&'a str>,
    /// Name of the pool.
    pub upstream: Option<&'a str>,
    /// The endpoint of the last try.
    pub endpoint: Option<&'a str>,
    /// Tries made.
    pub tries: Option<usize>,
    /// Bytes of the request's body.
    pub bytes_received: usize,
    /// Bytes of the answer's body.
    pub bytes_sent: usize,
    /// From the request's head to the end of the answer.
    pub duration: Duration,
    /// Whether that was longer than `slow`.
    pub slow: bool,
    /// The part of it spent waiting for backends; the rest is the gateway's own.
    pub upstream_time: Duration,
    /// What the client says it is.
    pub user_agent: Option<&'a str>,
    /// What failed, in the words of the one that saw it.
    pub error: Option<&'a str>,
}

impl Line<'_> {
    fn to_json(&self) -> Vec<u8> {
        let mut object = Object::with_capacity(640);
        object.time("time", self.time);
        object.plain("request_id", self.request_id);
        object.plain("trace_id", self.trace_id);
        object.address("client", self.client);
        if let Some(tenant) = self.tenant {
            object.text("tenant", tenant.uuid().hyphenated().encode_lower(&mut [0; 36]));
        }
        object.text_if("user", self.user);
        object.plain("method", self.method);
        object.text_if("host", self.host);
        object.text("path", self.path);
        object.plain("protocol", self.protocol);
        object.number("status", self.status.into());
        object.plain("flag", self.flag);
        object.text_if("route", self.route);
        object.text_if("upstream", self.upstream);
        object.text_if("endpoint", self.endpoint);
        if let Some(tries) = self.tries {
            object.number("tries", tries as u64);
        }
        object.number("bytes_received", self.bytes_received as u64);
        object.number("bytes_sent", self.bytes_sent as u64);
        object.milliseconds("duration_ms", self.duration);
        object.milliseconds("gateway_ms", self.duration.saturating_sub(self.upstream_time));
        object.milliseconds("upstream_ms", self.upstream_time);
        object.truth_if("slow", self.slow);
        object.text_if("user_agent", self.user_agent);
        object.text_if("error", self.error);
        object.into_line()
    }
}

/// Which requests get a line.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    share: f64,
    slow: Duration,
}

impl Sampling {
    /// As the configuration says.
    pub fn new(settings: &config::AccessLog) -> Self {
        Self { share: settings.sample, slow: settings.slow.get() }
    }

    /// Whether a request that took so long is slow.
    pub fn is_slow(&self, took: Duration) -> bool {
        took >= self.slow
    }

    /// Failed and slow requests always do, the others by chance: `draw` is uniform in 0..1.
    pub fn takes(&self, status: u16, took: Duration, draw: f64) -> bool {
        !(200..400).contains(&status) || self.is_slow(took) || draw < self.share
    }
}

/// The log, shared by all threads.
#[derive(Debug)]
pub struct AccessLog {
    shared: Arc<Shared>,
    dropped: IntCounter,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held to append one line or to take all of them, never while writing.
    waiting: Mutex<Waiting>,
    worth_waking: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    is_closed: bool,
}

impl AccessLog {
    /// Opens the file, or standard output, and starts the writer.
    pub(super) fn open(settings: &config::AccessLog, dropped: IntCounter) -> io::Result<Self> {
        let target: Box<dyn Write + Send> = match &settings.file {
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
            None => Box::new(io::stdout()),
        };
        Self::start(target, dropped)
    }

    fn start(target: Box<dyn Write + Send>, dropped: IntCounter) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, lost) = (shared.clone(), dropped.clone());
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_until_closed(&theirs, target, &lost))?;
        Ok(Self { shared, dropped, writer: Mutex::new(Some(writer)) })
    }

    /// Hands a line to the writer.
    pub fn write(&self, line: &Line<'_>) {
        let text = line.to_json();
        let mut waiting = self.shared.lock();
        if waiting.lines.len() + text.len() > MOST_WAITING {
            return self.dropped.inc();
        }
        let before = waiting.lines.len();
        waiting.lines.extend_from_slice(&text);
        if before < WORTH_WAKING && waiting.lines.len() >= WORTH_WAKING {
            self.shared.worth_waking.notify_one();
        }
    }

    /// Writes what waits and ends the writer.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.worth_waking.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer has been reported by its own thread.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a little for lines and takes them all; true if there will be no more.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut waiting = self.lock();
        if waiting.lines.len() < WORTH_WAKING && !waiting.is_closed {
            let woken = self.worth_waking.wait_timeout(waiting, PAUSE);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(lines, &mut waiting.lines);
        waiting.is_closed
    }
}

/// The writer's thread. Lines that cannot be written are counted; the first failure of a row is said.
fn write_until_closed(shared: &Shared, mut target: Box<dyn Write + Send>, lost: &IntCounter) {
    let mut lines = Vec::new();
    let mut has_failed = false;
    loop {
        let is_closed = shared.take(&mut lines);
        let result = write_all(&mut *target, &lines, lost);
        if let (Err(error), false) = (&result, has_failed) {
            tracing::error!(%error, "write the access log: lines are lost until it can be written again");
        }
        has_failed = result.is_err();
        lines.clear();
        if is_closed {
            return;
        }
    }
}

/// Writes as much as can be written and counts the lines that cannot.
fn write_all(target: &mut dyn Write, lines: &[u8], lost: &IntCounter) -> io::Result<()> {
    let mut rest = lines;
    let result = loop {
        if rest.is_empty() {
            break target.flush();
        }
        match target.write(rest) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    if result.is_err() {
        lost.inc_by(rest.iter().filter(|&&byte| byte == b'\n').count() as u64);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Target(Arc<Mutex<Vec<u8>>>);

    impl Write for Target {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(path: &str) -> Line<'_> {
        Line {
            time: DateTime::UNIX_EPOCH,
            request_id: "r",
            trace_id: "t",
            client: [127, 0, 0, 1].into(),
            tenant: None,
            user: None,
            method: "GET",
            host: None,
            path,
            protocol: "HTTP/1.1",
            status: 200,
            flag: "-",
            route: None,
            upstream: None,
            endpoint: None,
            tries: None,
            bytes_received: 0,
            bytes_sent: 0,
            duration: Duration::from_micros(1500),
            slow: false,
            upstream_time: Duration::ZERO,
            user_agent: None,
            error: None,
        }
    }

    #[test]
    fn every_line_is_written_once_and_is_json() {
        let target = Target::default();
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let log = AccessLog::start(Box::new(target.clone()), dropped.clone()).unwrap();
        for index in 0..1000 {
            log.write(&line(&format!("/\"{index}\n")));
        }
        log.close();
        let text = String::from_utf8(target.0.lock().unwrap().clone()).unwrap();
        let paths: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].to_string())
            .collect();
        assert_eq!(paths.len(), 1000);
        assert_eq!(paths[7], r#""/\"7\n""#);
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let lost = IntCounter::new("lost", "lost").unwrap();
        let mut small = [0_u8; 5];
        assert!(write_all(&mut small.as_mut_slice(), b"one\ntwo\nthree\n", &lost).is_err());
        assert_eq!((lost.get(), &small), (2, b"one\nt"));
    }

    #[test]
    fn failed_and_slow_requests_are_never_left_out() {
        let sampling = Sampling { share: 0.1, slow: Duration::from_secs(1) };
        assert!(!sampling.takes(200, Duration::from_millis(5), 0.5));
        assert!(sampling.takes(200, Duration::from_millis(5), 0.05));
        assert!(sampling.takes(503, Duration::from_millis(5), 0.5));
        assert!(sampling.takes(200, Duration::from_secs(2), 0.5));
    }
}
