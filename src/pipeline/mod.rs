//! The way of a request through the gateway, up to whoever answers it and back: admission, then the headers
//! of every answer. A request sees one snapshot of the configuration from start to end.
//! Nothing here knows of sockets or Pingora; tests drive it in memory.

mod admit;
mod authenticate;
mod authorise;
mod cors;
mod edits;
mod exchange;
mod explain;
mod limits;

mod local;
mod rewrite;
mod route;
pub mod router;
mod snapshot;
mod split;
mod sticky;
mod tracing;

pub use admit::Admission;
pub use exchange::Exchange;
pub use explain::{Explanation, Question, router as explain_router};

pub use local::Locals;
pub use route::{Route, Target};
pub use snapshot::Snapshot;
pub use sticky::sticky_key;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body;
use http::request::Parts;
use http::{Request, Response};

use crate::config::{Local, Settings};
use crate::domain::Terms;
use crate::error::Result;
use crate::http::Connection;
use crate::identity::Authenticator;
use crate::limits::Limiter;
use crate::telemetry::LimitMetrics;

use self::limits::Gate;

/// Everything that decides about requests.
#[derive(Debug)]
pub struct Pipeline {
    snapshot: ArcSwap<Snapshot>,
    locals: Locals,
    limiter: Arc<Limiter>,
}

impl Pipeline {
    /// A pipeline that begins with this snapshot and answers local routes from these routers.
    pub fn new(snapshot: Snapshot, locals: Locals) -> Self {
        let limiter = Arc::new(Limiter::alone(LimitMetrics::new()));
        Self { snapshot: ArcSwap::from_pointee(snapshot), locals, limiter }
    }

    /// Counts requests there, instead of in a memory of its own.
    #[must_use]
    pub fn with_limiter(self, limiter: Arc<Limiter>) -> Self {
        Self { limiter, ..self }
    }

    /// From now on requests see this configuration; those under way keep theirs.
    pub fn adopt(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Who is believed by new requests.
    pub fn identity(&self) -> Arc<Authenticator> {
        self.snapshot.load().identity.clone()
    }

    /// What sessions go by in new requests.
    pub fn terms(&self) -> Option<Arc<Terms>> {
        self.snapshot.load().terms.clone()
    }

    /// The settings new requests see.
    pub fn settings(&self) -> Arc<Settings> {
        self.snapshot.load().settings.clone()
    }

    /// Takes a request in: who answers it, and what is known of it on the way back.
    pub async fn admit(&self, head: &Parts, connection: Connection) -> (Exchange, Admission) {
        let gate = Gate::Counting(&self.limiter);
        admit::admit(self.snapshot.load_full(), gate, head, connection).await
    }

    /// What would happen to a request, and why.
    ///
    /// # Errors
    /// The question describes no request.
    pub async fn explain(&self, question: &Question) -> Result<Explanation> {
        explain::explain(&self.snapshot.load_full(), Gate::Looking(&self.limiter), question).await
    }

    /// Answers a request from a part of the gateway itself, complete with the headers every answer has.
    pub async fn serve(&self, exchange: &Exchange, local: Local, request: Request<Body>) -> Response<Body> {
        self.locals.serve(exchange, local, request).await
    }
}
