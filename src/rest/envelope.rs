//! What every successful answer is wrapped in.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// `{"success": true, "data": …}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Success<T> {
    /// Always true.
    success: bool,
    data: T,
}

impl<T> Success<T> {
    pub(super) fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// The same of a page of a list: `{"success": true, "data": […], "meta": {"page": …}}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed<T> {
    /// Always true.
    success: bool,
    data: Vec<T>,
    meta: Meta,
}

/// What is known of a list besides its items.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListMeta)]
struct Meta {
    page: Shape,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Page)]
struct Shape {
    /// Items of a page, at most.
    limit: u16,
    /// Whether more come after it.
    has_more: bool,
    /// What `after` of the next page is.
    next: Option<String>,
}

impl<T> Listed<T> {
    /// Some items; where more come after them, by what they are asked for.
    pub(super) fn new(data: Vec<T>, limit: u16, next: Option<String>) -> Self {
        let page = Shape { limit, has_more: next.is_some(), next };
        Self { success: true, data, meta: Meta { page } }
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
