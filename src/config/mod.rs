//! Typed settings from TOML files and the environment: read once, checked whole, then never changed.

mod settings;
mod values;

pub use settings::*;
pub use values::*;
