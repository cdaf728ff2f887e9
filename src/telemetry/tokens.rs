//! What comes of callers' tokens, and how fresh the keys of other issuers are.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use super::metrics::{counters, gauges};

/// A cheap handle on the counters.
#[derive(Debug, Clone)]
pub struct Tokens {
    checked: IntCounterVec,
    /// What comes of nearly all of them, found once.
    valid: IntCounter,
    fetches: IntCounterVec,
    fetched: IntGaugeVec,
}

impl Default for Tokens {
    fn default() -> Self {
        let checked = counters(
            "olympus_tokens_checked_total",
            "Requests whose token was looked at, by what came of it.",
            &["result"],
        );
        Self {
            valid: checked.with_label_values(&["valid"]),
            checked,
            fetches: counters(
                "olympus_jwks_fetches_total",
                "How often the keys of an issuer were fetched.",
                &["issuer", "result"],
            ),
            fetched: gauges(
                "olympus_jwks_last_success_timestamp_seconds",
                "When the keys of an issuer were fetched last.",
                &["issuer"],
            ),
        }
    }
}

impl Tokens {
    /// A token was looked at, and believed.
    pub fn believed(&self) {
        self.valid.inc();
    }

    /// A token was looked at, and not believed; the word is one of a few constants.
    pub fn refused(&self, result: &str) {
        self.checked.with_label_values(&[result]).inc();
    }

    /// The keys of an issuer were fetched, at this Unix time.
    pub fn fetched(&self, issuer: &str, time: i64) {
        self.fetches.with_label_values(&[issuer, "success"]).inc();
        self.fetched.with_label_values(&[issuer]).set(time);
    }

    /// The keys of an issuer could not be fetched.
    pub fn not_fetched(&self, issuer: &str) {
        self.fetches.with_label_values(&[issuer, "failure"]).inc();
    }

    /// An issuer is no longer in the configuration.
    pub fn forget(&self, issuer: &str) {
        // There is none before the first success.
        let _ = self.fetched.remove_label_values(&[issuer]);
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [Box::new(self.checked.clone()), Box::new(self.fetches.clone()), Box::new(self.fetched.clone())]
    }
}
