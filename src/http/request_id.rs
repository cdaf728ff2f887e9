//! The request's id: taken from the client where it is well-formed, made anew otherwise.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Builder;

/// The header that carries it.
const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a client.
const LONGEST: usize = 128;

/// An id of 8 to 128 letters, digits, `-`, `_` or `.`: safe in a header, a log and a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id if it sent exactly one and it is well-formed, else a new UUIDv7.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(NAME).iter();
        match (sent.next(), sent.next()) {
            (Some(value), None) => Self::accept(value).unwrap_or_else(Self::generate),
            _ => Self::generate(),
        }
    }

    /// The id in a header value, if it is well-formed.
    pub fn accept(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((8..=LONGEST).contains(&bytes.len()) && bytes.iter().all(plain)).then(|| Self(value.clone()))
    }

    /// A new id. Sorts by time, to the millisecond: the counter that would sort within one is a lock all threads share.
    pub fn generate() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (millis, mut random) = (u64::try_from(since.as_millis()).unwrap_or(u64::MAX), [0; 10]);
        fastrand::fill(&mut random);
        let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("00000000")))
    }

    /// Name and value of the header that carries it on.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        (NAME, self.0.clone())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_str(value).unwrap());
        }
        RequestId::of(&headers)
    }

    #[test]
    fn a_well_formed_id_is_kept() {
        assert_eq!(of(&["order-42.retry_1"]).as_str(), "order-42.retry_1");
    }

    #[test]
    fn a_new_id_is_a_uuid_of_now() {
        let id = uuid::Uuid::parse_str(RequestId::generate().as_str()).unwrap();
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!(id.get_version_num() == 7 && now.abs_diff(seconds) < 60, "{id}");
        assert_ne!(RequestId::generate(), RequestId::generate());
    }

    #[test]
    fn anything_else_is_replaced() {
        let long = "a".repeat(129);
        for bad in
            [&[][..], &["short"], &["has space 1"], &["line\"quote"], &[&long], &["12345678", "87654321"]]
        {
            let id = of(bad);
            assert_eq!(id.as_str().len(), 36, "{bad:?}");
        }
    }
}
