//! A listener that serves one axum router and proxies nothing: the admin API, and metrics with probes.

use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use super::bridge::{self, Bounds};
use super::expiry::Expiry;
use super::listener::{bear, head_was_parsed};
use crate::http::{Problem, RequestId, TraceContext, ask};
use crate::tasks::Lifecycle;

/// Largest body the operators' side takes, in bytes.
const MAX_BODY: u64 = 1 << 20;
/// How long it waits for a piece of one, and for a client that does not read its answer, as `server.timeouts.body_idle`
/// does unless it is set.
const BODY_IDLE: Duration = Duration::from_secs(30);

/// One router on a listener of its own.
#[derive(Debug, Clone)]
pub(super) struct LocalListener {
    pub(super) router: Router,
    pub(super) lifecycle: Lifecycle,
}

#[async_trait]
impl ProxyHttp for LocalListener {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, _context: &mut ()) -> Result<bool> {
        let (expiry, lifecycle) = (Expiry::default(), &self.lifecycle);
        let bounds = Bounds { body: MAX_BODY, body_idle: BODY_IDLE, expiry, lifecycle };
        head_was_parsed(session);
        bear(session, BODY_IDLE);
        bridge::serve(session, bounds, |request| serve(self.router.clone(), request)).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _session: &mut Session, _context: &mut ()) -> Result<Box<HttpPeer>> {
        Error::e_explain(ErrorType::InternalError, "nothing is proxied on this listener")
    }

    fn suppress_error_log(&self, _session: &Session, _context: &(), _error: &Error) -> bool {
        true
    }
}

async fn serve(router: Router, request: Request<Body>) -> Response<Body> {
    let (id, trace) = (RequestId::of(request.headers()), TraceContext::of(request.headers()));
    let path = request.uri().path().to_owned();
    let mut answer = Problem::render(ask(router, request).await, &path, (&id, &trace));
    let (name, value) = id.header();
    answer.headers_mut().insert(name, value);
    answer
}
