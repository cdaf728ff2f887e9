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
