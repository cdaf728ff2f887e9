//! What is counted of client connections, by listener.

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use super::metrics::{counters, gauges};

/// Connections of all listeners.
#[derive(Debug, Clone)]
pub struct Connections {
    open: IntGaugeVec,
    refused: IntCounterVec,
}

/// Connections of one listener.
#[derive(Debug, Clone)]
pub struct ListenerConnections {
    name: String,
    open: IntGauge,
    refused: IntCounterVec,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            open: gauges("olympus_connections_open", "Client connections that are open.", &["listener"]),
            refused: counters(
                "olympus_connections_refused_total",
                "Client connections that were refused or cut before or between requests, by cause.",
                &["listener", "cause"],
            ),
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.open.clone()), Box::new(self.refused.clone())]
    }

    /// Those of the listener of this name, which comes from the configuration.
    pub fn of(&self, listener: &str) -> ListenerConnections {
        ListenerConnections {
            name: listener.to_owned(),
            open: self.open.with_label_values(&[listener]),
            refused: self.refused.clone(),
        }
    }
}

impl ListenerConnections {
    /// The name of the listener.
    pub fn listener(&self) -> &str {
        &self.name
    }

    /// A connection was opened.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// A connection was closed.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// A connection was refused or cut. The cause is one of a few words of the program.
    pub fn refused(&self, cause: &'static str) {
        self.refused.with_label_values(&[self.name.as_str(), cause]).inc();
    }
}
