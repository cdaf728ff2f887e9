//! Events: what happened, told to whoever listens.

use serde_json::Value;

/// An event that was not published yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What kind it is, as `order.created`.
    pub topic: &'static str,
    /// What it is about: events of one key keep their order.
    pub key: String,
    /// What there is to know.
    pub payload: Value,
}
