//! The answer of a router, whatever becomes of its handlers.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use futures_util::FutureExt;
use http::{Request, Response};
use tower::ServiceExt;

use super::Problem;
use crate::error::Error;

/// What a router answers. A handler that panics has made a fault of ours and no more: its client is told so, and what
/// else the connection carries goes on.
pub async fn ask(router: Router, request: Request<Body>) -> Response<Body> {
    // Whatever it left half done was its own, or is behind a lock that is taken over.
    match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
        Ok(Ok(answer)) => answer,
        Ok(Err(never)) => match never {},
        Err(_) => Problem::from(Error::internal("a handler panicked")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use http::StatusCode;

    #[tokio::test]
    async fn a_panic_is_answered() {
        async fn fail() -> &'static str {
            panic!("on purpose")
        }
        let router = Router::new().route("/", get(fail));
        let answer = ask(router, Request::new(Body::empty())).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.extensions().get::<Problem>().is_some(), "it is told as other faults are");
    }
}
