//! What the product does, once for all transports. A function asks first whether its caller may, reaches data through
//! the caller's tenant, and records what it did in the same transaction. Nothing here knows of HTTP.

mod sessions;
mod visit;

pub use sessions::{Account, Login, Pair, Refused, Sessions, Terms};
pub use visit::Visit;
