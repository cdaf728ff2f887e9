//! A request that goes no further: the problem, and what the client needs to know besides.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};

use super::problem::Problem;

/// Why a request goes no further.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What is answered.
    pub problem: Problem,
    /// Methods there are, what to send for a token, or when to come again.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, header: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.problem.into_response();
        answer.headers_mut().extend(self.header);
        answer
    }
}
