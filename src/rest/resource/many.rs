//! A request for a page of a list, and its answer.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::{Answer, Listed};
use crate::domain::Found;
use crate::error::Result;
use crate::model::{Count, Page};
use crate::rest::asked::{Asked, problem};
use crate::rest::listing::Wanted;

/// A request for a page of things that are shown as such documents.
pub(in crate::rest) struct Many<S: Listed> {
    /// By whom, in whose tenant.
    pub(in crate::rest) by: Asked,
    pub(in crate::rest) wanted: Wanted<S::Field>,
    /// How far they are counted.
    pub(in crate::rest) most: u32,
}

impl<S: Listed, T: Sync> FromRequestParts<T> for Many<S> {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, state: &T) -> Result<Self, Response> {
        let asked = Asked::from_request_parts(head, state).await?;
        let by = asked.acting_for(S::MEMBERS).map_err(IntoResponse::into_response)?;
        let wanted = by.listing(&S::OFFER).map_err(IntoResponse::into_response)?;
        Ok(Self { most: by.settings.rest.count_cap, by, wanted })
    }
}

impl<S: Listed> Many<S> {
    /// The answer with a page.
    pub(in crate::rest) fn read(self, found: Result<Found<(Page<S::Thing>, Count)>>) -> Answer {
        let found = found.map_err(problem)?;
        let (page, count) = &*found.value;
        let page = self.wanted.page(page, *count, S::of).map_err(problem)?;
        Ok(page.come_by(found.how).read(&self.by.headers))
    }
}
