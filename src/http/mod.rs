//! Our words for HTTP.

mod path;

pub use path::{PathError, normalise};
