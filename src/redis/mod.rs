//! The Redis client: a pool of connections, scripts, publish and subscribe, and a breaker, so that a dead Redis costs
//! microseconds. It knows nothing of what is kept there; keys and channels get the configured prefix here.

mod breaker;
mod client;
mod connect;
mod pulse;
mod script;
mod subscribe;

pub use client::Redis;
pub use pulse::Pulse;
pub use script::Script;
pub use subscribe::Push;
