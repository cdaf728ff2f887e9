//! Messages for people: one JSON line each, on standard error. Pingora's own come through `log`.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::config::Level;

/// Starts writing messages of this severity and above.
///
/// Pingora repeats what our own lines say, and calls every client that leaves an error, so unless more than
/// `info` is asked for it is heard from `warn` on, and its proxy not at all: the access log has those failures.
pub fn init(level: Level) {
    let level = filter(level);
    let is_detailed = level > LevelFilter::INFO;
    let pingora = if is_detailed { level } else { level.min(LevelFilter::WARN) };
    let proxy = if is_detailed { level } else { LevelFilter::OFF };
    let targets = ["pingora_core", "pingora_load_balancing", "pingora_pool"].map(|target| (target, pingora));
    let filter = Targets::new().with_default(level).with_targets(targets).with_target("pingora_proxy", proxy);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    // A second call, as tests in one process make, keeps the first.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
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
