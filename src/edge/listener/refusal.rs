//! Why a connection is refused or cut before HTTP has a say, and what the client is told, if anything.

use http::StatusCode;

use crate::error::Kind;
use crate::http::{Problem, RequestId};

/// Why a connection is refused or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The listener has as many connections as it may.
    Full,
    /// The client has as many connections as it may.
    FullForClient,
    /// A PROXY header may come from trusted proxies only, and the other end is none.
    UntrustedProxy,
    /// The PROXY header is malformed or missing.
    ProxyHeader,
    /// TLS could not be agreed on, or the client showed no certificate that is accepted.
    TlsHandshake,
    /// The first bytes, or the rest of a head, did not come in time.
    Slow,
    /// The head is too large.
    HeadTooLarge,
    /// The head has more headers than can be parsed.
    TooManyHeaders,
    /// More frames of a kind than any use of HTTP/2 needs.
    Flood(Frames),
    /// A head of HTTP/2 comes in more CONTINUATION frames than the largest one needs.
    Scattered,
    /// The first frame of HTTP/2 is not SETTINGS (RFC 9113 section 3.4).
    NoSettings,
    /// The HTTP/2 implementation had enough of something that it bounds itself, such as unread resets.
    Excessive,
    /// The HTTP/2 implementation met frames that are wrong.
    WrongFrames,
    /// The client left before it said anything. That is nobody's fault and not counted.
    Gone,
}

/// Kinds of HTTP/2 frames that cost the gateway more than the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    Ping,
    Settings,
    Reset,
    Priority,
    /// Kinds that nobody knows.
    Unknown,
}

impl Refusal {
    /// The word for metrics and logs.
    pub(super) fn cause(self) -> Option<&'static str> {
        Some(match self {
            Self::Full => "max_connections",
            Self::FullForClient => "max_connections_per_ip",
            Self::UntrustedProxy => "untrusted_proxy",
            Self::ProxyHeader => "proxy_header",
            Self::TlsHandshake => "tls_handshake",
            Self::Slow => "header_timeout",
            Self::HeadTooLarge => "header_bytes",
            Self::TooManyHeaders => "headers",
            Self::Flood(Frames::Ping) => "h2_ping_flood",
            Self::Flood(Frames::Settings) => "h2_settings_flood",
            Self::Flood(Frames::Reset) => "h2_reset_flood",
            Self::Flood(Frames::Priority) => "h2_priority_flood",
            Self::Scattered => "h2_continuation_flood",
            Self::Flood(Frames::Unknown) => "h2_unknown_flood",
            Self::NoSettings => "h2_preface",
            Self::Excessive => "h2_excess",
            Self::WrongFrames => "h2_protocol",
            Self::Gone => return None,
        })
    }

    /// The code of HTTP/2 (RFC 9113 section 7): `PROTOCOL_ERROR`, or `ENHANCE_YOUR_CALM`.
    pub(super) fn code(self) -> u32 {
        if self == Self::NoSettings { 1 } else { 11 }
    }

    /// A whole HTTP/1.1 answer for a client that has sent a part of a head.
    pub(super) fn answer(self) -> Vec<u8> {
        let Some(problem) = self.problem() else { return Vec::new() };
        let id = RequestId::generate();
        let answer = problem.into_answer("", &id);
        let (status, body) = (answer.status(), answer.body());
        let mut text = format!("HTTP/1.1 {} {}\r\n", status.as_u16(), reason(status)).into_bytes();
        for (name, value) in answer.headers() {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let rest = format!("x-request-id: {}\r\ncontent-length: {}\r\n", id.as_str(), body.len());
        text.extend([rest.as_bytes(), b"connection: close\r\n\r\n", body].concat());
        text
    }

    fn problem(self) -> Option<Problem> {
        match self {
            Self::Slow => Some(Problem::new(Kind::ClientTimeout, "the request's head did not come in time")),
            Self::HeadTooLarge => {
                Some(Problem::new(Kind::HeadTooLarge, "the request's head is larger than is taken here"))
            }
            Self::TooManyHeaders => {
                Some(Problem::new(Kind::HeadTooLarge, "the request has more headers than are taken here"))
            }
            Self::Full
            | Self::FullForClient
            | Self::UntrustedProxy
            | Self::ProxyHeader
            | Self::TlsHandshake
            | Self::Flood(_)
            | Self::Scattered
            | Self::NoSettings
            | Self::Excessive
            | Self::WrongFrames
            | Self::Gone => None,
        }
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_whole_problem_document() {
        let text = String::from_utf8(Refusal::HeadTooLarge.answer()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("content-type: application/problem+json\r\n"), "{head}");
        let document: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(document["code"], "head_too_large");
        assert!(head.contains(document["request_id"].as_str().unwrap()), "{head}");
    }

    #[test]
    fn who_was_never_listened_to_is_told_nothing() {
        for refusal in [Refusal::Full, Refusal::FullForClient, Refusal::ProxyHeader, Refusal::Gone] {
            assert!(refusal.answer().is_empty());
        }
    }
}
