//! Taking series out of metrics, by their labels.

use std::collections::HashMap;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};

/// The label that names a pool.
pub const UPSTREAM: &str = "olympus_upstream";
/// The label that names an endpoint.
pub const ENDPOINT: &str = "server_address";

/// Takes out the series of pools and endpoints that do not stay.
pub(super) fn retain<T: MetricVecBuilder>(
    metrics: &MetricVec<T>,
    stays: &dyn Fn(&str, Option<&str>) -> bool,
) {
    for family in metrics.collect() {
        for metric in family.get_metric() {
            let labels: HashMap<&str, &str> =
                metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            let Some(upstream) = labels.get(UPSTREAM) else { continue };
            if !stays(upstream, labels.get(ENDPOINT).copied()) {
                // It was there a moment ago; who took it out since wanted the same.
                let _ = metrics.remove(&labels);
            }
        }
    }
}
