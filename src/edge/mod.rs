//! The edge: the only place that knows Pingora. Listeners, the proxy, the bridge to handlers in this process,
//! health probes, signals. It decides nothing about requests: the pipeline does, and pools choose endpoints.

mod bridge;
mod cause;
mod context;
mod deadline;
mod gateway;
mod guard;
mod line;
mod local;
mod peer;
mod probes;
mod server;
mod signals;
mod tries;

pub use probes::Probes;
pub use server::{Listeners, Parts, run};
