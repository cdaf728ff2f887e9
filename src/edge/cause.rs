//! Why a request failed: Pingora's errors sorted into the few cases that clients, logs and metrics tell apart.

use http::StatusCode;
use pingora::{Error, ErrorSource, ErrorType};

use super::waiting::NO_ANSWER;
use crate::error::Kind;
use crate::http::Problem;
use crate::upstream::{Failure, Refused};

/// No endpoint takes traffic.
pub(super) const NO_ENDPOINT: ErrorType = ErrorType::Custom("no endpoint to try");
/// The pool works on as many requests as it may.
pub(super) const POOL_FULL: ErrorType = ErrorType::Custom("pool full");
/// A try was answered with a status that is worth another try.
pub(super) const TRY_AGAIN: ErrorType = ErrorType::Custom("try again");
/// There was no place in the retry budget in time: the failure of the last try stands.
pub(super) const NO_LEAVE: ErrorType = ErrorType::Custom("retry budget spent");
/// A body without a length turned out larger than the route takes.
pub(super) const BODY_TOO_LARGE: ErrorType = ErrorType::Custom("request body too large");
/// The request took as long as its route allows.
pub(super) const OUT_OF_TIME: ErrorType = ErrorType::Custom("request out of time");
/// The backend of a pool that speaks HTTP/2 did not agree to it.
pub(super) const NO_HTTP2: ErrorType = ErrorType::Custom("no HTTP/2");

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The endpoint of the last try failed.
    Upstream(Failure),
    /// No endpoint takes traffic.
    NoEndpoint,
    /// The pool works on as many requests as it may.
    PoolFull,
    /// The client left.
    ClientGone,
    /// The client was too slow to send or to read.
    ClientSlow,
    /// The client broke the protocol.
    ClientWrong,
    /// The request's body is too large.
    TooLarge,
    /// The whole request took as long as its route allows.
    OutOfTime,
    /// No route serves the request.
    NoRoute,
    /// The caller is not known, or not believed.
    Unknown,
    /// The caller may not do this.
    Forbidden,
    /// A limit of the route is used up.
    Limited,
    /// Admission could not decide because what it needs is away.
    Undecided,
    /// A fault of ours.
    Ours,
}

impl Cause {
    /// Sorts an error. `failure` is what the last try at a backend made of it, if it got that far.
    pub(super) fn of(error: &Error, failure: Option<Failure>) -> Self {
        match (error.etype(), error.esource()) {
            (kind, _) if *kind == NO_ENDPOINT => Cause::NoEndpoint,
            (kind, _) if *kind == POOL_FULL => Cause::PoolFull,
            (kind, _) if *kind == BODY_TOO_LARGE => Cause::TooLarge,
            (kind, _) if *kind == OUT_OF_TIME => Cause::OutOfTime,
            (_, ErrorSource::Downstream) => client(error),
            (_, ErrorSource::Upstream) => Cause::Upstream(failure.unwrap_or(Failure::Reset)),
            (_, ErrorSource::Internal | ErrorSource::Unset) => failure.map_or(Cause::Ours, Cause::Upstream),
        }
    }

    /// Why admission refused a request, by the status it answered with; `None` where it did not refuse.
    pub(super) fn of_refusal(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::BAD_REQUEST | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(Cause::ClientWrong),
            StatusCode::NOT_FOUND => Some(Cause::NoRoute),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::of_denial(status),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Cause::TooLarge),
            StatusCode::TOO_MANY_REQUESTS => Some(Cause::Limited),
            StatusCode::SERVICE_UNAVAILABLE => Some(Cause::Undecided),
            _ => None,
        }
    }

    /// Why a part of the gateway denied a request that was admitted; `None` where it did not.
    pub(super) fn of_denial(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Cause::Unknown),
            StatusCode::FORBIDDEN => Some(Cause::Forbidden),
            _ => None,
        }
    }

    /// The flag for the access log, after Envoy's response flags.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Cause::Upstream(failure) => failure.flag(),
            Cause::NoEndpoint => "UH",
            Cause::PoolFull => "UO",
            Cause::ClientGone => "DC",
            Cause::ClientSlow => "DT",
            Cause::ClientWrong => "DPE",
            Cause::TooLarge => "TL",
            Cause::OutOfTime => "UMSDR",
            Cause::NoRoute => "NR",
            Cause::Unknown => "AUTHN",
            Cause::Forbidden => "AUTHZ",
            Cause::Limited => "RL",
            Cause::Undecided => "RLSE",
            Cause::Ours => "IE",
        }
    }

    /// What the client is told; nothing where it is no longer there.
    pub(super) fn problem(self) -> Option<Problem> {
        let problem = match self {
            Cause::Upstream(failure) => upstream(failure),
            Cause::NoEndpoint => Problem::new(Kind::Unavailable, "no backend can take this request now")
                .with_code("no_backend"),
            Cause::PoolFull => Problem::new(Kind::Unavailable, "the backends have as much to do as they may")
                .with_code("overloaded"),
            Cause::ClientGone => return None,
            Cause::ClientSlow => Problem::new(Kind::ClientTimeout, "the request's body did not come in time"),
            Cause::ClientWrong => Problem::new(Kind::Invalid, "the request is not well-formed HTTP"),
            Cause::TooLarge => {
                Problem::new(Kind::TooLarge, "the request's body is larger than is taken here")
            }
            Cause::OutOfTime => {
                Problem::new(Kind::GatewayTimeout, "the request took longer than is allowed here")
                    .with_code("duration_exceeded")
            }
            Cause::NoRoute => Problem::new(Kind::NotFound, "nothing is served here"),
            Cause::Unknown => Problem::new(Kind::Unauthenticated, "this needs a token"),
            Cause::Forbidden => Problem::new(Kind::Forbidden, "the caller may not do this"),
            Cause::Limited => Problem::new(Kind::RateLimited, "too many requests"),
            Cause::Undecided => Problem::new(Kind::Unavailable, "this cannot be decided now"),
            Cause::Ours => Problem::new(Kind::Internal, "the gateway failed to serve this request"),
        };
        Some(problem)
    }

    /// The error type for `Proxy-Status` (RFC 9209 section 2.3), where a backend is involved.
    pub(super) fn proxy_status(self) -> Option<&'static str> {
        match self {
            Cause::Upstream(failure) => Some(failure.proxy_status()),
            Cause::NoEndpoint => Some("destination_unavailable"),
            Cause::PoolFull => Some("connection_limit_reached"),
            Cause::ClientGone
            | Cause::ClientSlow
            | Cause::ClientWrong
            | Cause::TooLarge
            | Cause::OutOfTime
            | Cause::NoRoute
            | Cause::Unknown
            | Cause::Forbidden
            | Cause::Limited
            | Cause::Undecided
            | Cause::Ours => None,
        }
    }
}

/// The whole seconds after which a client that was refused may come again.
pub(super) fn retry_after(refused: Option<Refused>) -> u64 {
    match refused {
        Some(Refused::AllBad { retry_after }) => retry_after.as_secs_f32().ceil().max(1.0) as u64,
        Some(Refused::Full | Refused::NoEndpoint) | None => 1,
    }
}

/// What is known of a try that failed on an open connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The head of the answer had come.
    pub(super) has_head: bool,
    /// Its time was over.
    pub(super) is_late: bool,
    /// The connection had carried other requests.
    pub(super) is_reused: bool,
}

/// Sorts the end of a try on an open connection: part of the request may have been read.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "Pingora's list grows; what it adds is a broken connection"
)]
pub(super) fn failure(error: &Error, seen: Seen) -> Failure {
    let kind = error.etype();
    if seen.has_head {
        return Failure::Truncated;
    }
    let is_late = seen.is_late || *kind == NO_ANSWER;
    if is_late || matches!(kind, ErrorType::ReadTimedout | ErrorType::WriteTimedout) {
        return Failure::Timeout;
    }
    if *kind == NO_HTTP2 || (!seen.is_reused && is_turned_away(error)) {
        return Failure::Tls;
    }
    if let Some(failure) = http2(error) {
        return failure;
    }
    match kind {
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => Failure::Protocol,
        _ => Failure::Reset,
    }
}

/// Sorts why a connection to a backend could not be had. Nothing was sent on it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "Pingora's list grows; whatever it adds, there is no connection"
)]
pub(super) fn connecting(error: &Error) -> Failure {
    match error.etype() {
        ErrorType::ConnectTimedout => Failure::ConnectTimeout,
        ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert => match error.to_string() {
            text if text.contains(MISTRUST) => Failure::Certificate,
            _ => Failure::Tls,
        },
        _ => http2(error).unwrap_or(Failure::Refused),
    }
}

/// What rustls says of a certificate it does not trust. Pingora keeps its words only.
const MISTRUST: &str = "invalid peer certificate";

/// What rustls says when the other side gives up, as on a certificate of ours: with TLS 1.3 that is seen only after
/// the handshake, when the answer is read.
const ALERT: &str = "received fatal alert";

/// Alerts of a side that does not agree to the connection itself. Any other may end one on which it works.
const TURNED_AWAY: [&str; 11] = [
    "AccessDenied",
    "BadCertificate",
    "CertificateExpired",
    "CertificateRequired",
    "CertificateRevoked",
    "CertificateUnknown",
    "HandshakeFailure",
    "InsufficientSecurity",
    "ProtocolVersion",
    "UnknownCA",
    "UnsupportedCertificate",
];

/// Whether the other side ended a connection because of how it was begun, and so did nothing for what was sent on it.
fn is_turned_away(error: &Error) -> bool {
    let text = error.to_string();
    let alert = text.split_once(ALERT).map(|(_, rest)| rest.trim_start_matches([':', ' ']));
    alert.is_some_and(|alert| TURNED_AWAY.iter().any(|it| alert.starts_with(it)))
}

/// Why TLS failed, in the words of rustls alone.
pub(super) fn tls_reason(error: &Error) -> Option<String> {
    let text = error.to_string();
    let begin = [MISTRUST, ALERT].iter().find_map(|words| text.find(words))?;
    let reason = text.get(begin..)?;
    let end = [", SNI:", " cause:", " context:"].iter().filter_map(|mark| reason.find(mark)).min();
    reason.get(..end.unwrap_or(reason.len())).map(|reason| reason.trim_end().to_owned())
}

/// What HTTP/2 tells of the end of a stream. A stream that was refused, or that came after the last one which a
/// closing connection works on, was not looked at (RFC 9113 sections 6.8 and 8.7).
fn http2(error: &Error) -> Option<Failure> {
    let cause = error.root_cause().downcast_ref::<h2::Error>()?;
    let is_refused = cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM);
    if cause.is_remote() && (is_refused || cause.is_go_away()) {
        return Some(Failure::Declined);
    }
    cause.is_library().then_some(Failure::Protocol)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "Pingora's list grows; what it adds is a broken protocol")]
fn client(error: &Error) -> Cause {
    match error.etype() {
        // The watch over the connection gave up on the write.
        ErrorType::WriteError if is_timed_out(error) => Cause::ClientSlow,
        // Pingora calls it the last where a client resets its stream.
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError | ErrorType::H2Error => {
            Cause::ClientGone
        }
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Cause::ClientSlow,
        _ => Cause::ClientWrong,
    }
}

fn is_timed_out(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
}

fn upstream(failure: Failure) -> Problem {
    match failure {
        Failure::Refused => Problem::new(Kind::BadGateway, "the backend could not be reached"),
        Failure::Tls => Problem::new(Kind::BadGateway, "no secure connection to the backend could be made"),
        Failure::Certificate => Problem::new(Kind::BadGateway, "the backend could not prove who it is"),
        Failure::Reset => Problem::new(Kind::BadGateway, "the backend broke off before it answered"),
        Failure::Declined => Problem::new(Kind::BadGateway, "the backend did not take the request"),
        Failure::Protocol => Problem::new(Kind::BadGateway, "the backend's answer was not well-formed HTTP"),
        Failure::Truncated => Problem::new(Kind::BadGateway, "the backend broke off within its answer"),
        Failure::ConnectTimeout => {
            Problem::new(Kind::GatewayTimeout, "the backend could not be reached in time")
        }
        Failure::Timeout => Problem::new(Kind::GatewayTimeout, "the backend did not answer in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_of_a_backend_is_told_apart() {
        let of = |kind: ErrorType, has_head, is_late| {
            failure(&Error::new_up(kind), Seen { has_head, is_late, is_reused: false })
        };
        assert_eq!(of(ErrorType::ConnectionClosed, false, false), Failure::Reset);
        assert_eq!(
            of(ErrorType::InternalError, false, false),
            Failure::Reset,
            "something may have been sent"
        );
        assert_eq!(of(ErrorType::ConnectionClosed, false, true), Failure::Timeout);
        assert_eq!(of(ErrorType::ReadTimedout, true, false), Failure::Truncated);
        assert_eq!(of(ErrorType::InvalidHTTPHeader, false, false), Failure::Protocol);
    }

    #[test]
    fn what_happens_before_a_connection_is_open_is_told_apart() {
        let of = |kind: ErrorType, words: &'static str| connecting(&Error::explain(kind, words));
        let mistrust = "TLS connect() failed: invalid peer certificate: UnknownIssuer, SNI: shop.example";
        assert_eq!(of(ErrorType::TLSHandshakeFailure, mistrust), Failure::Certificate);
        assert_eq!(of(ErrorType::TLSHandshakeFailure, "tls handshake eof"), Failure::Tls);
        assert_eq!(of(ErrorType::ConnectTimedout, ""), Failure::ConnectTimeout);
        assert_eq!(of(ErrorType::H2Error, ""), Failure::Refused, "nothing was sent");
        let reason = tls_reason(&Error::explain(ErrorType::TLSHandshakeFailure, mistrust));
        assert_eq!(reason.as_deref(), Some("invalid peer certificate: UnknownIssuer"));
    }

    #[test]
    fn a_backend_that_does_not_take_our_certificate_is_told_apart() {
        let of = |alert: &str, is_reused| {
            let text = format!("TLS read: received fatal alert: {alert} cause: none");
            failure(&Error::explain(ErrorType::ReadError, text), Seen { is_reused, ..Seen::default() })
        };
        assert_eq!(of("CertificateRequired", false), Failure::Tls);
        // It may have worked on the request.
        assert_eq!(of("CertificateRequired", true), Failure::Reset);
        assert_eq!(of("InternalError", false), Failure::Reset);
        assert!(!of("InternalError", false).is_unprocessed());
    }

    #[test]
    fn a_stream_that_was_refused_was_not_processed() {
        let error = |reason: h2::Reason| Error::because(ErrorType::H2Error, "", h2::Error::from(reason));
        // Reasons made here count as ours, which is what a peer that breaks the protocol is answered with.
        assert_eq!(http2(&error(h2::Reason::PROTOCOL_ERROR)), None);
        assert_eq!(failure(&error(h2::Reason::REFUSED_STREAM), Seen::default()), Failure::Reset);
        assert_eq!(failure(&Error::new_up(NO_ANSWER), Seen::default()), Failure::Timeout);
    }

    #[test]
    fn a_client_that_left_is_told_nothing() {
        for kind in [ErrorType::ConnectionClosed, ErrorType::H2Error] {
            let cause = Cause::of(&Error::new_down(kind), None);
            assert_eq!(cause, Cause::ClientGone);
            assert!(cause.problem().is_none());
        }
    }

    #[test]
    fn timeouts_are_504_and_other_failures_502() {
        let status = |failure| Cause::Upstream(failure).problem().unwrap().status.as_u16();
        assert_eq!((status(Failure::Timeout), status(Failure::Reset)), (504, 502));
    }
}
