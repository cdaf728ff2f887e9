//! Pools of backends: state and decisions, no I/O. Who may be chosen, who is next, what a try taught.
//! It must not know of sockets, requests or Pingora; time comes in as an argument.

mod endpoint;
mod health;
mod outcome;
mod pool;
mod schedule;

pub use endpoint::{Endpoint, InFlight};
pub use health::{Health, State};
pub use outcome::{Failure, Outcome};
pub use pool::{Pick, Pool, Pools, Tried};
