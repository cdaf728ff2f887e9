//! Writes a handler's answer: Pingora frames the body by the headers it is given, so they are made exact here.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, Version, response};
use http_body::Body as _;
use http_body_util::BodyExt;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use tokio::time::{Instant, timeout_at};

use super::pump::{Pump, content_length};
use crate::edge::expiry::Expiry;

/// An unread rest of a request's body up to this size is read away, so that the connection can be kept.
const SMALL_REST: u64 = 256 << 10;
/// A larger one is read away up to here before the connection is closed: closing earlier would make the
/// client's kernel drop the answer (RFC 9112 section 9.6).
const LARGEST_REST: usize = 64 << 20;
/// How long reading away may take.
const LINGER: Duration = Duration::from_secs(5);

pub(super) async fn answer(
    session: &mut Session,
    answer: Response<Body>,
    pump: &mut Pump,
    expiry: Expiry,
) -> Result<()> {
    let (mut head, body) = answer.into_parts();
    let has_body = frame(session, &mut head, body.size_hint().exact());
    let must_linger = !settle_rest(session, pump);
    let head = Box::new(ResponseHeader::from(head));
    session.write_response_header(head, !has_body).await.map_err(|error| error.into_down())?;
    if has_body {
        write_body(session, body, pump, expiry).await?;
    } else {
        end(session).await?;
    }
    if must_linger {
        linger(session).await;
    }
    Ok(())
}

/// Gives the head the framing its body needs; false if the answer has none by its nature (RFC 9112 section 6).
fn frame(session: &Session, head: &mut response::Parts, length: Option<u64>) -> bool {
    let request = session.req_header();
    head.version = Version::HTTP_11;
    head.headers.remove(header::CONNECTION);
    head.headers.remove(header::TRANSFER_ENCODING);
    let has_none = head.status == StatusCode::NO_CONTENT || head.status == StatusCode::NOT_MODIFIED;
    if has_none {
        // That of the empty body, and not of what the client has (RFC 9110 section 8.6).
        head.headers.remove(header::CONTENT_LENGTH);
    }
    if has_none || request.method == Method::HEAD {
        return false;
    }
    if !head.headers.contains_key(header::CONTENT_LENGTH) {
        if let Some(length) = length {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        } else if request.version == Version::HTTP_11 {
            head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        // HTTP/2 frames by itself, and HTTP/1.0 ends with the connection.
    }
    true
}

/// Decides what becomes of the unread rest of the request's body; false if it must be read away at the end.
fn settle_rest(session: &mut Session, pump: &Pump) -> bool {
    if session.downstream_session.is_body_done() {
        return true;
    }
    // A client that was never told to continue may send nothing: reading would wait for it in vain.
    if pump.awaits_continue() {
        session.set_keepalive(None);
        return true;
    }
    // Over HTTP/2 an early answer resets the stream, which some clients take for a failure.
    if session.is_http2() {
        return false;
    }
    let read = session.body_bytes_read() as u64;
    let is_kept = session.downstream_session.get_keepalive().is_some();
    let is_small =
        is_kept && content_length(session).is_some_and(|length| length.saturating_sub(read) <= SMALL_REST);
    if is_small {
        session.downstream_session.set_close_on_response_before_downstream_finish(false);
        session.downstream_session.set_total_drain_timeout(Some(LINGER));
    }
    is_small
}

async fn write_body(session: &mut Session, mut body: Body, pump: &mut Pump, expiry: Expiry) -> Result<()> {
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = expiry.wait() => {
                session.downstream_session.shutdown().await;
                return Err(expiry.error());
            }
            event = pump.next(session) => {
                pump.apply(session, event).await?;
                continue;
            }
        };
        if expiry.bound_write(session).is_err() {
            session.downstream_session.shutdown().await;
            return Err(expiry.error());
        }
        match frame {
            None => return end(session).await,
            Some(Err(error)) => {
                // Never the last chunk: the client must not take the part for the whole.
                session.downstream_session.shutdown().await;
                return Err(Error::explain(
                    ErrorType::InternalError,
                    format!("write the answer's body: {error}"),
                ));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if body.is_end_stream() => return chunk(session, Some(data), true).await,
                Ok(data) => chunk(session, Some(data), false).await?,
                Err(frame) => {
                    if let (Ok(trailers), true) = (frame.into_trailers(), session.is_http2()) {
                        return session.downstream_session.write_response_trailers(trailers).await;
                    }
                }
            },
        }
    }
}

async fn chunk(session: &mut Session, data: Option<Bytes>, is_last: bool) -> Result<()> {
    session.write_response_body(data, is_last).await.map_err(|error| error.into_down())
}

async fn end(session: &mut Session) -> Result<()> {
    chunk(session, None, true).await
}

/// Reads on for a while, so that the client sees the answer and not a reset.
async fn linger(session: &mut Session) {
    let deadline = Instant::now() + LINGER;
    let mut read = 0;
    while read < LARGEST_REST {
        match timeout_at(deadline, session.downstream_session.read_request_body()).await {
            Ok(Ok(Some(chunk))) => read += chunk.len(),
            _ => return,
        }
    }
}
