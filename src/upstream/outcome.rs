//! What came of one try, in the words that metrics, logs and retries share.

use std::time::Duration;

/// What came of one try. Latencies count from when the whole request had been handed on, or else from the
/// beginning of the try: how long a client takes to upload says nothing of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The head of the answer came.
    Answered {
        /// Its status.
        status: u16,
        /// After how long.
        latency: Duration,
        /// What its `Retry-After` asks for. Only that of a 503 speaks of the endpoint as a whole.
        retry_after: Option<Duration>,
    },
    /// The endpoint failed. After an answer that began this takes its success back.
    Failed {
        /// How.
        failure: Failure,
        /// After how long.
        latency: Duration,
    },
    /// The client left before the endpoint could show what it would do.
    Abandoned {
        /// After how long.
        latency: Duration,
    },
}

impl Outcome {
    /// Whether it speaks against the endpoint. 501 and 505 say something of the request only.
    pub fn is_failure(&self) -> bool {
        match self {
            Outcome::Answered { status, .. } => *status >= 500 && !matches!(status, 501 | 505),
            Outcome::Failed { .. } => true,
            Outcome::Abandoned { .. } => false,
        }
    }
}

/// How an endpoint failed a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It refused the connection, or could not be reached.
    Refused,
    /// The connection was not open in time.
    ConnectTimeout,
    /// It was reached, but TLS could not be agreed on, or it did not take the gateway's certificate.
    Tls,
    /// Its certificate does not prove that it is who it should be.
    Certificate,
    /// It said that it did nothing for this request: a stream refused, or a connection about to close (HTTP/2).
    Declined,
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
    pub const ALL: [Failure; 9] = [
        Failure::Refused,
        Failure::ConnectTimeout,
        Failure::Tls,
        Failure::Certificate,
        Failure::Declined,
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
            Failure::Tls => "tls",
            Failure::Certificate => "certificate",
            Failure::Declined => "declined",
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
            Failure::Tls | Failure::Certificate => "UTLS",
            Failure::Reset | Failure::Declined => "UC",
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
            Failure::Tls => "tls_protocol_error",
            Failure::Certificate => "tls_certificate_error",
            Failure::Reset | Failure::Declined => "connection_terminated",
            Failure::Timeout => "http_response_timeout",
            Failure::Truncated => "http_response_incomplete",
            Failure::Protocol => "http_protocol_error",
        }
    }

    /// Whether there was no connection to send anything on.
    pub fn is_before_send(self) -> bool {
        matches!(self, Failure::Refused | Failure::ConnectTimeout | Failure::Certificate)
    }

    /// Whether the endpoint did nothing for the request, so that it may be tried again whatever its method.
    pub fn is_unprocessed(self) -> bool {
        self.is_before_send() || matches!(self, Failure::Tls | Failure::Declined)
    }
}
