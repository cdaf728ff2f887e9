//! What the reference backends share: flags, logs, serving and stopping, problem answers, faults, a SQLite handle.
//!
//! It knows nothing of commerce or credentials.

pub(crate) mod args;
pub(crate) mod clock;
pub(crate) mod database;
pub(crate) mod extract;
pub(crate) mod faults;
pub(crate) mod log;
pub(crate) mod problem;
pub(crate) mod serve;
pub(crate) mod socket;
