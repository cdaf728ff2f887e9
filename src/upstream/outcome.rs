//! What came of one try, in the words that metrics, logs and retries share.

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered, with this status.
    Answered(u16),
    /// The endpoint failed.
    Failed(Failure),
    /// The client left before the endpoint could show what it would do.
    Abandoned,
}

/// How an endpoint failed a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It refused the connection, or could not be reached.
    Refused,
    /// The connection was not open in time.
    ConnectTimeout,
    /// The connection broke before the head of the answer.
    Reset,
    /// The head of the answer did not come in time.
    Timeout,
    /// The answer began and broke off, or stalled.
    Truncated,
    /// What came was not HTTP.
    Protocol,
}

impl Failure {
    /// Every failure, for tables and metrics.
    pub const ALL: [Failure; 6] = [
        Failure::Refused,
        Failure::ConnectTimeout,
        Failure::Reset,
        Failure::Timeout,
        Failure::Truncated,
        Failure::Protocol,
    ];

    /// The word for metrics and the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Refused => "refused",
            Failure::ConnectTimeout => "connect_timeout",
            Failure::Reset => "reset",
            Failure::Timeout => "timeout",
            Failure::Truncated => "truncated",
            Failure::Protocol => "protocol",
        }
    }

    /// The flag for the access log, after Envoy's response flags.
    pub fn flag(self) -> &'static str {
        match self {
            Failure::Refused | Failure::ConnectTimeout => "UF",
            Failure::Reset => "UC",
            Failure::Timeout => "UT",
            Failure::Truncated => "UR",
            Failure::Protocol => "UPE",
        }
    }

    /// The error type for `Proxy-Status` (RFC 9209 section 2.3).
    pub fn proxy_status(self) -> &'static str {
        match self {
            Failure::Refused => "connection_refused",
            Failure::ConnectTimeout => "connection_timeout",
            Failure::Reset => "connection_terminated",
            Failure::Timeout => "http_response_timeout",
            Failure::Truncated => "http_response_incomplete",
            Failure::Protocol => "http_protocol_error",
        }
    }

    /// Whether nothing can have reached the endpoint, so that any request may be tried again.
    pub fn is_before_send(self) -> bool {
        matches!(self, Failure::Refused | Failure::ConnectTimeout)
    }
}
