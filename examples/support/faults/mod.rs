//! Faults on demand, so that the gateway can be seen to cope: by request in `x-fault`, or for all through `/faults`.

mod control;
mod inject;
mod plan;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use control::routes;
pub(crate) use inject::inject;
use plan::Plan;

/// Left in the extensions of an answer that is a fault, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injected(pub(crate) &'static str);

/// The mode for all requests and how often each kind of fault was injected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Ledger>>);

#[derive(Debug, Default)]
struct Ledger {
    mode: Option<Plan>,
    requests: u64,
    injected: BTreeMap<&'static str, u64>,
}

impl Faults {
    /// The lock is held for the length of `work`, which must not wait.
    fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
