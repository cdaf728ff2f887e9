//! The parts of the gateway that answer requests themselves, each an axum router.

use axum::Router;
use axum::body::Body;
use http::header::USER_AGENT;
use http::{Extensions, HeaderMap, Request, Response};

use super::exchange::Exchange;
use crate::backends::Origin;
use crate::config::Local;
use crate::domain::Visit;
use crate::http::{Problem, ask};
use crate::telemetry::serving;

/// The routers behind local routes.
#[derive(Debug, Clone, Default)]
pub struct Locals {
    /// `/livez`, `/readyz` and `/healthz`.
    pub health: Router,
    /// The REST API.
    pub rest: Router,
    /// The published keys.
    pub keys: Router,
    /// Sessions.
    pub auth: Router,
    /// Which gateway this is.
    pub status: Router,
    /// The description of the API.
    pub docs: Router,
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
            Local::Keys => &self.keys,
            Local::Auth => &self.auth,
            Local::Status => &self.status,
            Local::Docs => &self.docs,
        };
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        exchange.prepare_local(&mut head);
        head.extensions.insert(exchange.snapshot.identity.clone());
        head.extensions.insert(exchange.snapshot.settings.clone());
        if let Some(caller) = &exchange.caller {
            head.extensions.insert(caller.clone());
        }
        if let Some(refusal) = &exchange.unbelieved {
            head.extensions.insert(refusal.clone());
        }
        if matches!(local, Local::Auth | Local::Rest) {
            head.extensions.extend(sessions(exchange, &head.headers));
        }
        let answering = ask(router.clone(), Request::from_parts(head, body));
        let (_, id) = exchange.id.header();
        let answer = serving(id, exchange.span.step("local").run(answering)).await;
        let mut answer = Problem::render(answer, &path, (&exchange.id, &exchange.trace));
        exchange.finish(answer.status(), answer.headers_mut());
        answer
    }
}

/// What sessions go by, and whose request this is.
fn sessions(exchange: &Exchange, headers: &HeaderMap) -> Extensions {
    let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let origin = Origin { id: exchange.id.clone(), trace: exchange.trace, client: exchange.client.ip };
    let mut extensions = Extensions::new();
    extensions.insert(Visit::new(origin, &agent.unwrap_or_default(), exchange.answer_by()));
    if let Some(terms) = &exchange.snapshot.terms {
        extensions.insert(terms.clone());
    }
    extensions
}
