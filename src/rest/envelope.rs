//! What every successful answer is wrapped in.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// `{"success": true, "data": …}`.
#[derive(Debug, Serialize)]
pub(super) struct Success<T> {
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
#[derive(Debug, Serialize)]
pub(super) struct Listed<T> {
    success: bool,
    data: Vec<T>,
    meta: Meta,
}

#[derive(Debug, Serialize)]
struct Meta {
    page: Shape,
}

#[derive(Debug, Serialize)]
struct Shape {
    limit: u16,
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
