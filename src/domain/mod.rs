//! What the product does, once for all transports. A function asks first whether its caller may, reaches data through
//! the caller's tenant, and records what it did in the same transaction. Nothing here knows of HTTP.

mod api_keys;
mod images;
mod once;
mod orders;
mod products;
mod sessions;
mod tenants;
mod users;
mod visit;
mod warming;

pub use api_keys::{ApiKeys, WantedKey};
pub use images::Images;
pub use once::{Once, Onces, Outcome, Render};
pub use orders::{Items, Orders, Pause, Step, Stock};
pub use products::{Listed, Products};
pub use sessions::{Account, Login, Pair, Refused, Sessions, Terms};
pub use tenants::Tenants;
pub use users::{Errands, Users};
pub use visit::Visit;
pub use warming::{Warm, WarmRead};

pub use crate::cache::{Found, How};
