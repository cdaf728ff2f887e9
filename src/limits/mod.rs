//! How often: rates and bursts by key, counted in the memory of this instance and, where there is one, in Redis for
//! all instances together. Nothing here knows of HTTP answers; time comes in as an argument.

mod gcra;
mod heartbeat;
mod limiter;
mod overrides;
mod rule;
mod shared;
mod standing;
mod table;

pub use gcra::{Quota, Verdict};
pub use limiter::{Ask, Limiter};
pub use overrides::Overrides;
pub use rule::{Rule, Subject};
pub use standing::Standing;
