//! What is checked before settings are used: first the shape of the tree against the schema, then what one
//! setting says about another. Both report everything they find.

mod cross;
mod findings;
mod formats;
mod shape;
mod words;

pub(super) use cross::check_settings;
pub(super) use findings::{Findings, Report};
pub(super) use shape::prune_misfits;
pub(super) use words::propose;
