//! Who is calling, and what they may do.

mod caller;

pub use caller::Caller;
