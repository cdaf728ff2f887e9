//! What is counted of client connections and of the certificates they are shown, by listener.

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use super::metrics::{counters, gauges};
use super::register::{Register, Registered};

/// Connections of all listeners.
#[derive(Debug, Clone)]
pub struct Connections {
    open: IntGaugeVec,
    refused: IntCounterVec,
    reloads: IntCounterVec,
    is_fresh: IntGaugeVec,
    register: Register,
}

/// Connections of one listener.
#[derive(Debug, Clone)]
pub struct ListenerConnections {
    name: Arc<str>,
    open: IntGauge,
    all: Connections,
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
            reloads: counters(
                "olympus_tls_reloads_total",
                "How often the certificates of a listener changed, by whether they were taken.",
                &["listener", "outcome"],
            ),
            is_fresh: gauges(
                "olympus_tls_reload_success",
                "1 while a listener serves the certificates that its files hold, 0 while it keeps older ones.",
                &["listener"],
            ),
            register: Register::default(),
        }
    }

    /// Those that are open, one by one.
    pub fn register(&self) -> &Register {
        &self.register
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.open.clone()),
            Box::new(self.refused.clone()),
            Box::new(self.reloads.clone()),
            Box::new(self.is_fresh.clone()),
        ]
    }

    /// Those of the listener of this name, which comes from the configuration.
    pub fn of(&self, listener: &str) -> ListenerConnections {
        ListenerConnections {
            name: listener.into(),
            open: self.open.with_label_values(&[listener]),
            all: self.clone(),
        }
    }
}

impl ListenerConnections {
    /// The name of the listener.
    pub fn listener(&self) -> &str {
        &self.name
    }

    /// A connection was opened. It is listed until what comes back is dropped.
    pub fn opened(&self) -> Registered {
        self.open.inc();
        self.all.register.enter(&self.name)
    }

    /// A connection was closed.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// A connection was refused or cut. The cause is one of a few words of the program.
    pub fn refused(&self, cause: &'static str) {
        self.all.refused.with_label_values(&[&*self.name, cause]).inc();
    }

    /// The listener serves the certificates that its files hold.
    pub fn certificates_are_fresh(&self) {
        self.all.is_fresh.with_label_values(&[&*self.name]).set(1);
    }

    /// Certificates that changed were taken.
    pub fn certificates_taken(&self) {
        self.all.reloads.with_label_values(&[&*self.name, "taken"]).inc();
        self.certificates_are_fresh();
    }

    /// Certificates that changed cannot serve; the older ones are kept.
    pub fn certificates_refused(&self) {
        self.all.reloads.with_label_values(&[&*self.name, "refused"]).inc();
        self.all.is_fresh.with_label_values(&[&*self.name]).set(0);
    }
}
