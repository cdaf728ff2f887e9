//! Messages for people: one JSON line each, on standard error. Pingora's own come through `log`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, prelude::*, reload};

use super::spans::TARGET;
use super::traces::Traces;
use crate::config::Level;

/// Where changes that operators ask for are told. They are written whatever the severity is that was asked for.
pub const AUDIT: &str = "olympus::audit";

/// What is written, to be changed while the process runs.
#[derive(Debug, Clone)]
pub struct Messages {
    /// `None` where another call had started them already, as in tests of one process.
    handle: Option<reload::Handle<Targets, Registry>>,
}

impl Messages {
    /// Starts writing messages of this severity and above, and sending spans.
    pub fn start(level: Level, traces: &Traces) -> Self {
        let (filter, handle) = reload::Layer::new(targets(level));
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
        // A layer that is not there would count as one that wants every span.
        let started = match traces.layer() {
            Some(spans) => subscriber.with(spans).try_init(),
            None => subscriber.try_init(),
        };
        Self { handle: started.is_ok().then_some(handle) }
    }

    /// From now on writes messages of this severity and above.
    pub fn set(&self, level: Level) {
        if let Some(handle) = &self.handle {
            // It fails only where the subscriber is gone, which lives as long as the process.
            let _ = handle.reload(targets(level));
            log::set_max_level(heard(level));
        }
    }
}

/// Pingora repeats what our own lines say, and calls every client that leaves an error, so unless more than
/// `info` is asked for it is heard from `warn` on, and what serves connections not at all: the access log and the metrics have
/// those failures.
fn targets(level: Level) -> Targets {
    let level = filter(level);
    let is_detailed = level > LevelFilter::INFO;
    let pingora = if is_detailed { level } else { level.min(LevelFilter::WARN) };
    let proxy = if is_detailed { level } else { LevelFilter::OFF };
    let targets = ["pingora_core", "pingora_load_balancing", "pingora_pool"].map(|target| (target, pingora));
    Targets::new()
        .with_default(level)
        .with_targets(targets)
        .with_target("pingora_proxy", proxy)
        .with_target("pingora_core::apps", proxy)
        .with_target(AUDIT, level.max(LevelFilter::INFO))
        .with_target(TARGET, LevelFilter::OFF)
}

/// The same severity for messages that come through `log`.
fn heard(level: Level) -> log::LevelFilter {
    match level {
        Level::Error => log::LevelFilter::Error,
        Level::Warn => log::LevelFilter::Warn,
        Level::Info => log::LevelFilter::Info,
        Level::Debug => log::LevelFilter::Debug,
        Level::Trace => log::LevelFilter::Trace,
    }
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_change_is_told_at_every_severity() {
        for level in [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace] {
            assert!(targets(level).would_enable(AUDIT, &tracing::Level::INFO), "{level:?}");
        }
        assert!(!targets(Level::Warn).would_enable("olympus_gateway", &tracing::Level::INFO));
    }
}
