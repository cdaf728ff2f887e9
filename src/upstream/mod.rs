//! Pools of backends: state and decisions, no I/O. Who may be chosen, who is next, what a try taught.
//! It must not know of sockets, requests or Pingora; time and chance come in as arguments, but for `permit_by`, which waits.

mod balance;
mod breaker;
mod demand;
mod dice;
mod endpoint;
mod health;
mod latency;
mod learned;
mod load;
mod outcome;
mod outlier;
mod plan;
mod pool;
mod retry;
mod silence;
mod standing;
mod verdict;
mod window;

#[cfg(test)]
mod days;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod properties;

pub use balance::Cost;
pub use demand::{Demand, Refused, Tried, hash};
pub use endpoint::Endpoint;
pub use load::{Pick, RetryPermit};
pub use outcome::{Failure, Outcome};
pub use pool::{Pool, Pools};
pub use retry::{Attempt, Fault, PATIENCE, backoff, may_retry, permit_by};
pub use silence::Unanswered;
pub use standing::{Role, Standing};
pub use verdict::{State, Verdict};
