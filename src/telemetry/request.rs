//! Whose request a piece of code works for, so that what it says in the log is found by the request's id. It is a local
//! of the task, as tracing's own spans are: those would cost a request more than all else that is kept of it.

use std::future::Future;

use http::HeaderValue;

tokio::task_local! {
    static SERVED: HeaderValue;
}

/// Runs a future on behalf of the request of this id.
pub fn serving<F: Future>(id: HeaderValue, future: F) -> impl Future<Output = F::Output> {
    SERVED.scope(id, future)
}

/// The id of the request that the code which asks works for, if it works for one.
pub fn request_id() -> Option<String> {
    SERVED.try_with(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_id_is_known_to_what_runs_for_the_request_and_to_nothing_else() {
        assert_eq!(request_id(), None);
        let seen = serving(HeaderValue::from_static("request-1"), async { request_id() }).await;
        assert_eq!(seen.as_deref(), Some("request-1"));
    }
}
