//! What the resources of the API have in common: how a request is read, what is said of it in the description, and how
//! it is answered. A resource says what its documents show, and its handlers what the domain is asked.

mod call;
mod described;
mod many;

use axum::response::Response;
use serde::Serialize;

pub(super) use self::call::{Call, Which};
pub(super) use self::described::{Conditions, OfList, OfNew, OfOne, OfRemoval, Prefer};
pub(super) use self::many::Many;
use super::listing::Offer;
use super::selection::Members;
use crate::http::Problem;
use crate::model::Field;

/// What handlers answer.
pub(super) type Answer = Result<Response, Problem>;

/// The document of what is served at a path and below it.
pub(super) trait Resource: Serialize + Send + Sync + 'static {
    /// What it shows.
    type Thing: Send + Sync + 'static;
    /// The word for one thing.
    const NAME: &'static str;
    /// Where they are.
    const PATH: &'static str;
    /// What documents have.
    const MEMBERS: Members;

    /// The document of a thing.
    fn of(thing: &Self::Thing) -> Self;
    /// The id and the version that are in it.
    fn place(&self) -> (&str, i64);
}

/// One of which there are lists with filters and cursors.
pub(super) trait Listed: Resource {
    /// What may be asked of its list.
    type Field: Field<Item = Self::Thing>;
    /// What its list offers.
    const OFFER: Offer<Self::Field>;
}
