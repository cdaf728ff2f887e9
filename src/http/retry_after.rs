//! `Retry-After`: how long a backend asks to be left alone.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long `Retry-After` asks to wait, in seconds or until a date (RFC 9110 section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: fn() -> SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now()).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let asked = |text: &'static str| {
            let headers = [(RETRY_AFTER, http::HeaderValue::from_static(text))].into_iter().collect();
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sun, 09 Sep 2001 01:46:50 GMT"), Some(10));
        assert_eq!(asked("Sunday, 09-Sep-01 01:46:50 GMT"), Some(10), "an old form that must be understood");
        assert_eq!(asked("Sun Sep  9 01:46:50 2001"), Some(10), "another");
        assert_eq!(asked("Sun, 09 Sep 2001 01:46:30 GMT"), Some(0), "it is over");
        for nonsense in ["", "soon", "-1", "1.5", "Sun, 09 Sep 2001"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}
