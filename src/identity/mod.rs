//! Who is calling, and what they may do.

mod caller;
mod policy;

pub use caller::Caller;
pub use policy::{Decision, Demand, Grant, Holder, Policy, Reach, Rights, Shortfall, Thing};
