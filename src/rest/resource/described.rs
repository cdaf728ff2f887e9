//! What may be said in requests about resources, as the description of the API has it.

use std::marker::PhantomData;

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{Listed, Resource};
use crate::rest::listing::{of_list, of_path, of_thing};

/// What may be asked of a list.
pub(in crate::rest) struct OfList<S>(PhantomData<S>);

impl<S: Listed> IntoParams for OfList<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_list(&S::OFFER)
    }
}

/// What may be asked of a thing that is made.
pub(in crate::rest) struct OfNew<S>(PhantomData<S>);

impl<S: Resource> IntoParams for OfNew<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        of_thing(S::MEMBERS)
    }
}

/// Which thing it is, and what may be asked of it.
pub(in crate::rest) struct OfOne<S>(PhantomData<S>);

impl<S: Resource> IntoParams for OfOne<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        std::iter::once(of_path(S::NAME)).chain(of_thing(S::MEMBERS)).collect()
    }
}

/// Which thing it is that goes.
pub(in crate::rest) struct OfRemoval<S>(PhantomData<S>);

impl<S: Resource> IntoParams for OfRemoval<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        std::iter::once(of_path(S::NAME)).chain(of_thing(S::MEMBERS.unshown())).collect()
    }
}

/// What a change expects to find.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub(in crate::rest) struct Conditions {
    /// Only if it is still of one of these versions, by their tags; `*`: of any.
    #[param(rename = "If-Match", required = false)]
    if_match: String,
    /// Only if it is of none of these versions; with `*` nothing that is there is changed.
    #[param(rename = "If-None-Match", required = false)]
    if_none_match: String,
}

/// Which answer to a change is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub(in crate::rest) struct Prefer {
    /// `return=minimal`: without the document.
    #[param(rename = "Prefer", required = false)]
    prefer: String,
}
