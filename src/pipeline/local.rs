//! The parts of the gateway that answer requests themselves, each an axum router.

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

use super::exchange::Exchange;
use crate::config::Local;
use crate::http::Problem;

/// The routers behind local routes.
#[derive(Debug, Clone, Default)]
pub struct Locals {
    /// `/livez`, `/readyz` and `/healthz`.
    pub health: Router,
    /// The REST API.
    pub rest: Router,
    /// The published keys, and with a database `/api/v1/auth`.
    pub auth: Router,
    /// Which gateway this is.
    pub status: Router,
}

impl Locals {
    pub(super) async fn serve(
        &self,
        exchange: &Exchange,
        local: Local,
        request: Request<Body>,
    ) -> Response<Body> {
        let router = match local {
            Local::Health => &self.health,
            Local::Rest => &self.rest,
            Local::Auth => &self.auth,
            Local::Status => &self.status,
        };
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        exchange.prepare_local(&mut head);
        head.extensions.insert(exchange.snapshot.identity.clone());
        if let Some(caller) = &exchange.caller {
            head.extensions.insert(caller.clone());
        }
        let answering = router.clone().oneshot(Request::from_parts(head, body));
        let answer = exchange.span.step("local").run(answering).await;
        let mut answer = match answer {
            Ok(answer) => Problem::render(answer, &path, &exchange.id),
            Err(never) => match never {},
        };
        exchange.finish(answer.status(), answer.headers_mut());
        answer
    }
}
