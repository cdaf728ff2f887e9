//! The edge: the only place that knows Pingora. Listeners, the proxy, the bridge to handlers in this process,
//! health probes, signals. It decides nothing about requests: the pipeline does, and pools choose endpoints.

mod attempt;
mod bridge;
mod cause;
mod context;
mod credentials;
mod deadline;
mod expectation;
mod expiry;
mod gateway;
mod line;
mod listener;
mod local;
mod multiplexed;
mod peer;
mod probes;
mod server;
mod signals;
mod tries;
mod waiting;

pub use probes::Probes;
pub use server::{Listeners, Parts, run};
