//! Why a request failed: Pingora's errors sorted into the few cases that clients, logs and metrics tell apart.

use http::StatusCode;
use pingora::{Error, ErrorSource, ErrorType};

use crate::error::Kind;
use crate::http::Problem;
use crate::upstream::Failure;

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
    /// No route serves the request.
    NoRoute,
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
            (kind, ErrorSource::Downstream) => client(kind),
            (_, ErrorSource::Upstream) => Cause::Upstream(failure.unwrap_or(Failure::Reset)),
            (_, ErrorSource::Internal | ErrorSource::Unset) => failure.map_or(Cause::Ours, Cause::Upstream),
        }
    }

    /// Why admission refused a request, by the status it answered with; `None` where it did not refuse.
    pub(super) fn of_refusal(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::BAD_REQUEST => Some(Cause::ClientWrong),
            StatusCode::NOT_FOUND => Some(Cause::NoRoute),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Cause::TooLarge),
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
            Cause::NoRoute => "NR",
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
            Cause::NoRoute => Problem::new(Kind::NotFound, "nothing is served here"),
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
            | Cause::NoRoute
            | Cause::Ours => None,
        }
    }
}

/// Sorts the end of a try at a backend. `has_head` says whether the head of its answer had come.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "Pingora's list grows; what it adds is a broken connection"
)]
pub(super) fn failure(error: &Error, has_head: bool, is_past_deadline: bool) -> Failure {
    let kind = error.etype();
    if has_head {
        return Failure::Truncated;
    }
    if is_past_deadline || matches!(kind, ErrorType::ReadTimedout | ErrorType::WriteTimedout) {
        return Failure::Timeout;
    }
    if *kind == ErrorType::ConnectTimedout {
        return Failure::ConnectTimeout;
    }
    match kind {
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::BindError
        | ErrorType::SocketError
        | ErrorType::InternalError => Failure::Refused,
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => Failure::Protocol,
        _ => Failure::Reset,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "Pingora's list grows; what it adds is a broken protocol")]
fn client(kind: &ErrorType) -> Cause {
    match kind {
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => Cause::ClientGone,
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Cause::ClientSlow,
        _ => Cause::ClientWrong,
    }
}

fn upstream(failure: Failure) -> Problem {
    match failure {
        Failure::Refused => Problem::new(Kind::BadGateway, "the backend could not be reached"),
        Failure::Reset => Problem::new(Kind::BadGateway, "the backend broke off before it answered"),
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
        let of = |kind: ErrorType, has_head, past| failure(&Error::new_up(kind), has_head, past);
        assert_eq!(of(ErrorType::ConnectRefused, false, false), Failure::Refused);
        assert_eq!(of(ErrorType::ConnectTimedout, false, false), Failure::ConnectTimeout);
        assert_eq!(of(ErrorType::ConnectionClosed, false, false), Failure::Reset);
        assert_eq!(of(ErrorType::ConnectionClosed, false, true), Failure::Timeout);
        assert_eq!(of(ErrorType::ReadTimedout, true, false), Failure::Truncated);
        assert_eq!(of(ErrorType::InvalidHTTPHeader, false, false), Failure::Protocol);
    }

    #[test]
    fn a_client_that_left_is_told_nothing() {
        let cause = Cause::of(&Error::new_down(ErrorType::ConnectionClosed), None);
        assert_eq!(cause, Cause::ClientGone);
        assert!(cause.problem().is_none());
    }

    #[test]
    fn timeouts_are_504_and_other_failures_502() {
        let status = |failure| Cause::Upstream(failure).problem().unwrap().status.as_u16();
        assert_eq!((status(Failure::Timeout), status(Failure::Reset)), (504, 502));
    }
}
