//! `Expect: 100-continue` on its way through (RFC 9110 section 10.1.1): the backend says whether the body is wanted.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderMap, HeaderValue};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

/// Whether the client waits to be told to send its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// It sends its body unasked, or was told to.
    None,
    /// It waits for the backend to say so.
    Waiting,
    /// It got a whole answer instead.
    Refused,
}

impl Expectation {
    /// What a request says in its head.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let expect = headers.get(EXPECT).map(HeaderValue::as_bytes);
        match expect.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue")) {
            true => Expectation::Waiting,
            false => Expectation::None,
        }
    }

    /// Before the head of an answer, or one that promises another, goes to the client.
    pub(super) fn answered(&mut self, session: &mut Session, head: &ResponseHeader) {
        let is_promise = head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS;
        // The body is still to come then, which Pingora takes as a reason to close afterwards.
        session.downstream_session.set_close_on_response_before_downstream_finish(!is_promise);
        if head.status == StatusCode::CONTINUE {
            *self = Expectation::None;
        }
        if is_whole(head) {
            self.ended(session);
        }
    }

    /// Before the last piece of an answer goes to the client. If it was not told to send its body it may never do so,
    /// and is not waited for.
    pub(super) fn ended(&mut self, session: &mut Session) {
        if *self == Expectation::Waiting {
            *self = Expectation::Refused;
            session.set_read_timeout(Some(Duration::ZERO));
        }
    }
}

/// Whether the head is the whole answer.
fn is_whole(head: &ResponseHeader) -> bool {
    let is_empty = head.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
    is_empty || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_expectation_there_is_counts() {
        let of = |value: &'static str| {
            Expectation::of(&HeaderMap::from_iter([(EXPECT, HeaderValue::from_static(value))]))
        };
        assert_eq!(["100-continue", "100-Continue"].map(of), [Expectation::Waiting; 2]);
        assert_eq!(of("200-ok"), Expectation::None);
        assert_eq!(Expectation::of(&HeaderMap::new()), Expectation::None);
    }

    #[test]
    fn an_answer_may_be_whole_with_its_head() {
        let head = |status, length| {
            let mut head = ResponseHeader::build(status, None).unwrap();
            head.insert_header(CONTENT_LENGTH, length).unwrap();
            head
        };
        assert!(is_whole(&head(417, "0")) && is_whole(&head(204, "1")));
        assert!(!is_whole(&head(200, "10")) && !is_whole(&ResponseHeader::build(200, None).unwrap()));
    }
}
