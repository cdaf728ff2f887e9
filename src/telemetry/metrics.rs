//! The metrics, in Prometheus' text format. Names follow OpenTelemetry's HTTP conventions where they have one.

use std::time::Duration;

use http::Method;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, core::Collector,
};

use super::cache::CacheMetrics;
use super::connections::Connections;
use super::exposition::Exposition;
use super::postgres::Postgres;
use super::revocations::RevocationMetrics;
use super::series;
use super::shared::{LimitMetrics, RedisMetrics};
use super::shown::Shown;
use super::tokens::Tokens;

/// Upper bounds of the duration histograms, in seconds.
const SECONDS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What came of reading the configuration again.
#[derive(Debug)]
struct Reloads {
    total: IntCounterVec,
    last_success: IntGauge,
    last_time: IntGauge,
    pending: IntGauge,
}

impl Reloads {
    fn new() -> Self {
        let gauge = |name, help| known(IntGauge::new(name, help));
        let made = Self {
            total: counters(
                "olympus_config_reloads_total",
                "How often the configuration was read again.",
                &["result"],
            ),
            last_success: gauge(
                "olympus_config_last_reload_success",
                "1 unless the last reload found mistakes; then the configuration before it is in force.",
            ),
            last_time: gauge(
                "olympus_config_last_reload_timestamp_seconds",
                "When the configuration was read last.",
            ),
            pending: gauge(
                "olympus_config_restart_pending",
                "Changed keys that are not in force before the process is started again.",
            ),
        };
        made.last_success.set(1);
        made
    }
}

/// Every metric the gateway keeps.
#[derive(Debug)]
pub struct Metrics {
    shown: Shown,
    requests: HistogramVec,
    tries: HistogramVec,
    failures: IntCounterVec,
    retries: IntCounterVec,
    out_of_time: IntCounterVec,
    reloads: Reloads,
    /// Client connections.
    pub connections: Connections,
    /// Tokens of callers.
    pub tokens: Tokens,
    /// What was taken back.
    pub revocations: RevocationMetrics,
    /// Decisions of limits.
    pub limits: LimitMetrics,
    active_requests: IntGauge,
    /// Access lines lost because the log could not be written fast enough.
    pub access_lines_dropped: IntCounter,
}

/// A request that counts as being served, until it is dropped.
#[derive(Debug)]
pub struct ActiveRequest(IntGauge);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// All of them at zero.
    pub fn new() -> Self {
        let metrics = Self {
            requests: histogram(
                "http_server_request_duration_seconds",
                "From the request's head to the end of the answer.",
                &["http_request_method", "http_response_status_code", "http_route", "olympus_route"],
            ),
            tries: histogram(
                "http_client_request_duration_seconds",
                "One try at a backend, to the end of its answer.",
                &["olympus_upstream", "server_address", "http_response_status_code"],
            ),
            failures: counters(
                "olympus_upstream_failures_total",
                "Tries that failed, by cause.",
                &["olympus_upstream", "server_address", "cause"],
            ),
            retries: counters(
                "olympus_upstream_retries_total",
                "Tries after the first.",
                &["olympus_upstream"],
            ),
            out_of_time: counters(
                "olympus_requests_out_of_time_total",
                "Requests cut because they took as long as `max_duration` of their route.",
                &["olympus_route"],
            ),
            reloads: Reloads::new(),
            connections: Connections::new(),
            tokens: Tokens::default(),
            revocations: RevocationMetrics::default(),
            limits: LimitMetrics::new(),
            active_requests: known(IntGauge::new(
                "http_server_active_requests",
                "Requests being served now.",
            )),
            access_lines_dropped: known(IntCounter::new(
                "olympus_access_log_dropped_total",
                "Access lines lost because the log could not be written fast enough.",
            )),
            shown: Shown::default(),
        };
        metrics.show_all();
        metrics
    }

    fn show_all(&self) {
        let build = gauges("olympus_build_info", "Always 1; the version is the label.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let own: [Box<dyn Collector>; 13] = [
            self.limits.collector(),
            Box::new(self.requests.clone()),
            Box::new(self.tries.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.retries.clone()),
            Box::new(self.out_of_time.clone()),
            Box::new(self.active_requests.clone()),
            Box::new(self.access_lines_dropped.clone()),
            Box::new(self.reloads.total.clone()),
            Box::new(self.reloads.last_success.clone()),
            Box::new(self.reloads.last_time.clone()),
            Box::new(self.reloads.pending.clone()),
            Box::new(build),
        ];
        let process = prometheus::process_collector::ProcessCollector::for_self();
        let process = [Box::new(process) as Box<dyn Collector>];
        for collector in own
            .into_iter()
            .chain(self.connections.collectors())
            .chain(self.tokens.collectors())
            .chain(self.revocations.collectors())
            .chain(process)
        {
            self.shown.add(collector);
        }
    }

    /// A request begins to be served.
    pub fn begin_request(&self) -> ActiveRequest {
        self.active_requests.inc();
        ActiveRequest(self.active_requests.clone())
    }

    /// Begins to count what concerns the database. Once: without a database there is nothing to show.
    pub fn postgres(&self) -> Postgres {
        let postgres = Postgres::new();
        postgres.collectors().into_iter().for_each(|collector| self.shown.add(collector));
        postgres
    }

    /// A request was answered. Path and name are those of its route, both empty where none matched.
    pub fn request(&self, method: &Method, status: u16, route: (&str, &str), took: Duration) {
        let mut digits = [0; 3];
        let labels = [method_label(method), status_label(status, &mut digits), route.0, route.1];
        self.requests.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// A try at an endpoint was answered.
    pub fn answered(&self, upstream: &str, endpoint: &str, status: u16, took: Duration) {
        let mut digits = [0; 3];
        let labels = [upstream, endpoint, status_label(status, &mut digits)];
        self.tries.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// A try at an endpoint failed.
    pub fn failed(&self, upstream: &str, endpoint: &str, cause: &str) {
        self.failures.with_label_values(&[upstream, endpoint, cause]).inc();
    }

    /// A try after the first was begun.
    pub fn retried(&self, upstream: &str) {
        self.retries.with_label_values(&[upstream]).inc();
    }

    /// A request was cut at the end of its route's time.
    pub fn ran_out_of_time(&self, route: &str) {
        self.out_of_time.with_label_values(&[route]).inc();
    }

    /// The configuration was read again, at this Unix time; so many changed keys wait for a restart.
    pub fn reloaded(&self, time: i64, pending: usize) {
        self.reloads.total.with_label_values(&["success"]).inc();
        self.reloads.last_success.set(1);
        self.reloads.last_time.set(time);
        self.reloads.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
    }

    /// The configuration was read again, at this Unix time, and refused.
    pub fn reload_refused(&self, time: i64) {
        self.reloads.total.with_label_values(&["failure"]).inc();
        self.reloads.last_success.set(0);
        self.reloads.last_time.set(time);
    }

    /// Takes out every series of pools and endpoints that do not stay: they would show for ever what was. A pool is
    /// asked for alone and with each of its endpoints. Requests under way may bring one back until the next time.
    pub fn retain_upstreams(&self, stays: &dyn Fn(&str, Option<&str>) -> bool) {
        series::retain(&self.tries, stays);
        for counters in [&self.failures, &self.retries] {
            series::retain(counters, stays);
        }
    }

    /// Those of Redis, which are shown from now on. To be asked for once.
    pub fn redis(&self) -> RedisMetrics {
        let metrics = RedisMetrics::new();
        metrics.collectors().into_iter().for_each(|collector| self.shown.add(collector));
        metrics
    }

    /// Those of the cache, which are shown from now on. To be asked for once.
    pub fn cache(&self) -> CacheMetrics {
        let metrics = CacheMetrics::default();
        metrics.collectors().into_iter().for_each(|collector| self.shown.add(collector));
        metrics
    }

    /// Everything that is kept here; what pools know themselves is for the caller to add.
    pub fn exposition(&self) -> Exposition {
        self.shown.exposition()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The methods of RFC 9110 and PATCH by name; what a client invents is `_OTHER`, as OpenTelemetry asks.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    }
}

/// Three digits without an allocation. 0 stands for a client that left before its answer.
fn status_label(status: u16, digits: &mut [u8; 3]) -> &str {
    let digit = |of: u16| b'0' + u8::try_from(of % 10).unwrap_or(0);
    *digits = [digit(status / 100), digit(status / 10), digit(status)];
    std::str::from_utf8(digits).unwrap_or("000")
}

pub(super) fn histogram(name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    known(HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels))
}

pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    known(IntCounterVec::new(Opts::new(name, help), labels))
}

pub(super) fn counter(name: &str, help: &str) -> IntCounter {
    known(IntCounter::new(name, help))
}

pub(super) fn gauge(name: &str, help: &str) -> IntGauge {
    known(IntGauge::new(name, help))
}

pub(super) fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    known(IntGaugeVec::new(Opts::new(name, help), labels))
}

/// Names and labels are constants of this file: a mistake in them shows in the first test that runs.
pub(super) fn known<T>(made: prometheus::Result<T>) -> T {
    made.expect("metric names and labels are valid and unique")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.exposition().into_text()
    }

    #[test]
    fn labels_of_requests_are_bounded() {
        let metrics = Metrics::new();
        let invented = Method::from_bytes(b"BREW").unwrap();
        metrics.request(&invented, 404, ("/pots/{id}", "pots"), Duration::from_millis(3));
        let line = "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",\
                    http_response_status_code=\"404\",http_route=\"/pots/{id}\",olympus_route=\"pots\"} 1";
        assert!(text(&metrics).contains(line), "{}", text(&metrics));
    }

    #[test]
    fn nothing_is_told_of_pools_and_endpoints_that_are_gone() {
        let metrics = Metrics::new();
        for (upstream, endpoint) in [("stays", "a:1"), ("stays", "b:1"), ("gone", "c:1")] {
            metrics.answered(upstream, endpoint, 200, Duration::from_millis(1));
            metrics.failed(upstream, endpoint, "reset");
            metrics.retried(upstream);
        }
        let before = text(&metrics);
        metrics.retain_upstreams(&|upstream, endpoint| upstream == "stays" && endpoint != Some("b:1"));
        let text = text(&metrics);
        assert!(!text.contains("c:1") && !text.contains("b:1") && !text.contains("\"gone\""), "{text}");
        let told = |text: &str, word: &str| text.lines().filter(|line| line.contains(word)).count();
        assert_eq!(told(&text, "\"stays\""), told(&before, "a:1") + 1, "{text}");
    }

    #[test]
    fn no_metric_is_shown_twice() {
        let metrics = Metrics::new();
        drop((metrics.postgres(), metrics.redis(), metrics.cache()));
        let text = text(&metrics);
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let told = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(told > 20 && told == names.len(), "{text}");
    }

    #[test]
    fn the_process_itself_is_measured() {
        assert!(text(&Metrics::new()).contains("process_resident_memory_bytes"));
    }
}
