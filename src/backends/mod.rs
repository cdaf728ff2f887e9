//! Calls that the gateway itself makes to backends. They pick and report in the same pools as requests of clients, so
//! what one of the two learns the other knows; they keep to the same budget, breakers and deadlines.

mod answer;
mod auth;
mod backend;
mod commerce;
mod errand;
mod origin;
mod tries;

pub use answer::Answer;
pub use auth::{Account, Auth, Introspection, Kept, Login};
pub use backend::{Backend, Request};
pub use commerce::{Commerce, Committed, Released, Reserved, Wanted};
pub use errand::Errand;
pub use origin::{Origin, OwnErrand};
