//! The proxy: Pingora's hooks, in the order it calls them. Each asks the pipeline or the pool and does as told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::{ALPN, Digest};
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use tokio::time::sleep;

use super::bridge::{self, Bounds};
use super::cause::{self, Cause};
use super::context::{Context, Proxied};
use super::credentials::Vault;
use super::deadline::Deadlines;
use super::expectation::Expectation;
use super::expiry::Expiry;
use super::line::{self, answered};
use super::listener::{bear, head_was_parsed};
use super::multiplexed;
use super::peer::peer;
use super::waiting::Waiting;
use crate::config::Protocol;
use crate::http::{Connection, opens_tunnel};
use crate::pipeline::{Admission, Exchange, Pipeline, sticky_key};
use crate::tasks::Lifecycle;
use crate::telemetry::Telemetry;
use crate::upstream::{Failure, Fault, Refused};

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The proxy on the public listeners.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) lifecycle: Lifecycle,
    pub(super) telemetry: Telemetry,
    pub(super) deadlines: Deadlines,
    pub(super) vault: Vault,
}

impl Gateway {
    /// Applies what the configuration says of client connections, before anything is read or written.
    fn settle(&self, session: &mut Session, exchange: &Exchange, opens_tunnel: bool) {
        let timeouts = &exchange.snapshot.settings.server.timeouts;
        self.part(session);
        // Else a request that arrives during the one before it would break both.
        session.downstream_session.set_pipelining_enabled(true);
        session.set_read_timeout((!opens_tunnel).then_some(timeouts.body_idle.get()));
        bear(session, timeouts.body_idle.get());
    }

    /// Asks the client to connect anew for its next request, where that is better served elsewhere.
    fn part(&self, session: &mut Session) {
        if self.lifecycle.is_leaving() {
            session.set_keepalive(None);
        }
    }

    async fn fail(&self, session: &mut Session, context: &Context, cause: Cause) -> Result<u16> {
        let (Some(exchange), Some(problem)) = (&context.exchange, cause.problem()) else { return Ok(0) };
        let mut answer = exchange.problem(session.req_header().uri.path(), problem);
        if let Some(error) = cause.proxy_status() {
            let value = HeaderValue::try_from(format!("olympus; error={error}"));
            answer.headers_mut().extend(value.ok().map(|value| (PROXY_STATUS, value)));
        }
        if matches!(cause, Cause::NoEndpoint | Cause::PoolFull) {
            let refused = context.proxied.as_ref().and_then(|proxied| proxied.refused);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(cause::retry_after(refused)));
        }
        let status = answer.status().as_u16();
        bridge::respond(session, answer.map(Body::from)).await?;
        Ok(status)
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    /// Boxed: Pingora moves it from one future into the next, and keeps room for it in each.
    type CTX = Box<Context>;

    fn new_ctx(&self) -> Box<Context> {
        Box::new(Context::new(self.lifecycle.enter(), self.telemetry.metrics.begin_request()))
    }

    /// None: Pingora's compression would be one, and costs even where it is off.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// What answers here is boxed: a request that is proxied would else make room for it, and move that about.
    async fn request_filter(&self, session: &mut Session, context: &mut Box<Context>) -> Result<bool> {
        head_was_parsed(session);
        let (exchange, admission) = self.pipeline.admit(session.req_header(), connection(session)).await;
        context.opens_tunnel = opens_tunnel(session.req_header());
        self.settle(session, &exchange, context.opens_tunnel);
        let exchange = context.exchange.insert(exchange);
        let limit = exchange.route.as_ref().and_then(|route| route.max_duration);
        let expiry = Expiry::after(context.started, limit);
        context.expiry = expiry;
        match admission {
            Admission::Answer(answer) => {
                context.cause = Cause::of_refusal(answer.status());
                Box::pin(bridge::respond(session, answer.map(Body::from))).await?;
            }
            Admission::Local(local) => {
                let body_idle = exchange.snapshot.settings.server.timeouts.body_idle.get();
                let bounds =
                    Bounds { body: exchange.max_body(), body_idle, expiry, lifecycle: &self.lifecycle };
                let handler = |request| self.pipeline.serve(exchange, local, request);
                Box::pin(bridge::serve(session, bounds, handler)).await?;
                context.cause = answered(session).and_then(Cause::of_denial);
            }
            Admission::Proxy(pool) => {
                let limit = exchange.route.as_ref().map_or(Duration::ZERO, |route| route.response_timeout);
                let expectation = Expectation::of(&session.req_header().headers);
                context.proxied = Some(Proxied::new(pool, context.started + limit, expectation));
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        context: &mut Box<Context>,
    ) -> Result<Box<HttpPeer>> {
        let (Some(exchange), Some(proxied)) = (&context.exchange, &mut context.proxied) else {
            return Error::e_explain(cause::NO_ENDPOINT, "no pool");
        };
        let pool = proxied.pool.clone();
        let pause = std::mem::take(&mut proxied.pause);
        if !pause.is_zero() {
            sleep(context.expiry.clip(pause, Instant::now())).await;
        }
        if !proxied.has_leave().await {
            return Error::e_explain(cause::NO_LEAVE, format!("upstream `{}`", pool.name));
        }
        let now = Instant::now();
        if context.expiry.has_come(now) {
            return Err(context.expiry.error());
        }
        let (caller, headers) = (exchange.caller.as_deref(), &session.req_header().headers);
        proxied.key = sticky_key(&pool.settings.balance, caller, &exchange.client, headers);
        match proxied.begin(&self.telemetry.metrics, &exchange.span, now) {
            Ok(attempt) => {
                let left = context.expiry.clip(pool.settings.connect_timeout.get(), now);
                let mut peer = peer(&pool, attempt.pick.endpoint(), (&self.vault, left))?;
                if context.opens_tunnel && pool.settings.protocol != Protocol::H2 {
                    // Only HTTP/1.1 can be upgraded, and a tunnel may be silent for as long as both ends like.
                    peer.options.alpn = ALPN::H1;
                    peer.options.read_timeout = None;
                }
                Ok(peer)
            }
            Err(Refused::Full) => Error::e_explain(cause::POOL_FULL, format!("upstream `{}`", pool.name)),
            Err(Refused::NoEndpoint | Refused::AllBad { .. }) => {
                Error::e_explain(cause::NO_ENDPOINT, format!("upstream `{}`", pool.name))
            }
        }
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        is_reused: bool,
        _peer: &HttpPeer,
        fd: i32,
        digest: Option<&Digest>,
        context: &mut Box<Context>,
    ) -> Result<()> {
        if let Some(proxied) = &mut context.proxied {
            proxied.connected((fd, is_reused), digest);
            proxied.end_with(context.expiry, &self.deadlines);
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        context: &mut Box<Context>,
    ) -> Result<()> {
        let is_h2 = request.version == Version::HTTP_2;
        self.settle_link(context, is_h2)?;
        if let Some(exchange) = &context.exchange {
            let has_ended = request.send_end_stream();
            let blank = RequestHeader::from(http::Request::new(()).into_parts().0);
            let mut head = std::mem::replace(request, blank).into();
            if session.req_header().version == Version::HTTP_2 {
                multiplexed::name_host(&mut head);
            }
            let takes_trailers = is_h2 && multiplexed::takes_trailers(session.req_header());
            exchange.prepare(&mut head);
            let current = context.proxied.as_ref().and_then(|it| it.current.as_ref());
            if let Some(position) = current.and_then(|it| it.span.position()) {
                exchange.trace.at(position).pass_on(&mut head.headers);
            }
            if session.req_header().version == Version::HTTP_10 {
                // Such a client cannot be told to go on (RFC 9110 section 10.1.1).
                head.headers.remove(header::EXPECT);
            }
            if takes_trailers {
                head.headers.insert(header::TE, HeaderValue::from_static("trailers"));
            }
            if !head.headers.contains_key(header::HOST) {
                // A request of HTTP/1.0 may name none, but what is sent on is HTTP/1.1.
                let host = context.proxied.as_ref().and_then(|it| HeaderValue::from_str(it.host()?).ok());
                head.headers.extend(host.map(|host| (header::HOST, host)));
            }
            *request = RequestHeader::from(head);
            request.set_send_end_stream(has_ended.unwrap_or(true));
        }
        if is_h2 && session.as_mut().is_body_empty() {
            // Over HTTP/2 Pingora does not ask for a body where there is none.
            self.sent(session, context);
        } else if context.opens_tunnel {
            self.sent(session, context);
            if let Some(proxied) = &mut context.proxied {
                proxied.wait(Waiting::for_upgrade(&mut session.downstream_session));
            }
        }
        Ok(())
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        is_last: bool,
        context: &mut Box<Context>,
    ) -> Result<()> {
        let (Some(exchange), Some(proxied)) = (&context.exchange, &mut context.proxied) else {
            return Ok(());
        };
        if session.was_upgraded() {
            // A tunnel has no body, and no end that anybody waits for.
            return Ok(());
        }
        if body.is_some() {
            proxied.expectation = Expectation::None;
        }
        proxied.body_sent += body.as_ref().map_or(0, Bytes::len) as u64;
        if proxied.body_sent > exchange.max_body() {
            return Error::e_explain(cause::BODY_TOO_LARGE, format!("over {} bytes", exchange.max_body()));
        }
        if is_last {
            self.sent(session, context);
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Box<Context>,
    ) -> Result<()> {
        if response.status == StatusCode::SWITCHING_PROTOCOLS && !context.opens_tunnel {
            return Error::e_explain(
                ErrorType::InvalidHTTPHeader,
                "101 to a request that asked for no upgrade",
            )
            .map_err(|error: Box<Error>| error.into_up());
        }
        let is_final = !response.status.is_informational() || response.status == 101;
        if let (Some(proxied), true) = (&mut context.proxied, is_final) {
            proxied.stop_waiting(session);
            let status = response.status.as_u16();
            proxied.answered(status, &response.headers, &self.telemetry.metrics);
            let can_replay = !session.as_ref().retry_buffer_truncated();
            let may_retry =
                proxied.may_retry(Fault::Status(status), &session.req_header().method, can_replay);
            if may_retry && proxied.has_leave().await {
                return Error::e_explain(cause::TRY_AGAIN, format!("status {status}"));
            }
        }
        Ok(())
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        is_last: bool,
        context: &mut Box<Context>,
    ) -> Result<Option<Duration>> {
        let Some(proxied) = &mut context.proxied else { return Ok(None) };
        if let Some(current) = &mut proxied.current {
            current.last_byte = Some(Instant::now());
        }
        if is_last {
            proxied.let_go();
        }
        Ok(None)
    }

    /// A connection that was shut down may look like the end of an answer or of a tunnel, but the time tells.
    fn response_body_filter(
        &self,
        session: &mut Session,
        _body: &mut Option<Bytes>,
        is_last: bool,
        context: &mut Box<Context>,
    ) -> Result<Option<Duration>> {
        if let (Some(proxied), true) = (&mut context.proxied, is_last) {
            proxied.expectation.ended(session);
        }
        context.expiry.bound_write(session).map(|()| None)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut Box<Context>,
    ) -> Result<()> {
        // It may have come to that since the request did.
        self.part(session);
        if let Some(proxied) = &mut context.proxied {
            proxied.expectation.answered(session, response);
        }
        if let Some(exchange) = &context.exchange {
            let blank = ResponseHeader::from(Response::new(()).into_parts().0);
            let mut head: http::response::Parts = std::mem::replace(response, blank).into();
            exchange.finish(head.status, &mut head.headers);
            if session.req_header().version == Version::HTTP_10 {
                // It knows no chunks: the body ends with the connection (RFC 9112 section 6.1).
                head.headers.remove(header::TRANSFER_ENCODING);
            }
            *response = ResponseHeader::from(head);
        }
        Ok(())
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        context: &mut Box<Context>,
        error: Box<Error>,
    ) -> Box<Error> {
        self.after_try(session, context, error)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        context: &mut Box<Context>,
        _is_reused: bool,
    ) -> Box<Error> {
        if let Some(proxied) = &mut context.proxied {
            proxied.stop_waiting(session);
        }
        self.after_try(session, context, error)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Box<Context>,
    ) -> FailToProxy {
        let is_refused = |it: &Proxied| it.expectation == Expectation::Refused;
        // What came of the body does not matter then.
        if *error.esource() == ErrorSource::Downstream && context.proxied.as_ref().is_some_and(is_refused) {
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        }
        let failure = context.proxied.as_ref().and_then(|proxied| proxied.failure);
        let is_late = failure == Some(Failure::Timeout);
        let cause = match context.expiry.has_come(Instant::now()) && !is_late {
            true => Cause::OutOfTime,
            false => Cause::of(error, failure),
        };
        context.cause = Some(cause);
        context.error = Some(error.to_string());
        let mut error_code = 0;
        if line::answered(session).is_none() {
            // Pingora closes the connection after a failed try, so the answer says it.
            session.set_keepalive(None);
            // The client may leave now as well; there is nobody left to tell then.
            error_code = self.fail(session, context, cause).await.unwrap_or(0);
        }
        FailToProxy { error_code, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, _error: Option<&Error>, context: &mut Box<Context>) {
        let now = Instant::now();
        if let Some(proxied) = &mut context.proxied {
            proxied.let_go();
            proxied.conclude(now);
        }
        line::write(&self.telemetry, session, context, now);
    }

    /// The access line says it, once.
    fn suppress_error_log(&self, _session: &Session, _context: &Box<Context>, _error: &Error) -> bool {
        true
    }

    /// The metrics and the access line's number of tries say it.
    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _context: &Box<Context>,
        _error: &Error,
        _about: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

/// What is known of the client's connection.
pub(super) fn connection(session: &Session) -> Connection {
    let peer = session.client_addr().and_then(|address| address.as_inet().copied());
    let is_tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
    Connection { peer, is_tls }
}
