//! Typed settings from TOML files and the environment: read once, checked whole, then never changed.
//! This is the only place that knows TOML and reads the environment; nothing here knows what a setting does.

mod certified;
mod check;
mod diff;
mod effective;
mod load;
mod mistakes;
mod policy;
mod regular;
mod schema;
mod settings;
mod tree;
mod values;

pub use certified::{Certified, Flaw};
pub use diff::{Change, Effect};
pub use effective::Origins;
pub use load::{Loaded, Sources, Version, load, process_environment};
pub use mistakes::{Mistake, Mistakes};
pub use policy::{MOST_PERMISSIONS, MOST_ROLES, is_policy, load_policy};
pub use schema::json_schema;
pub use settings::*;
pub use tree::Source;
pub use values::*;
