//! A JSON object written straight into bytes. Every request writes one, and going through a serialiser cost three
//! times as much as the rest of the line. Strings that need escapes are left to `serde_json`.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Timelike, Utc};

/// An object under construction.
#[derive(Debug)]
pub(super) struct Object {
    text: Vec<u8>,
}

impl Object {
    /// An empty object, with room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut text = Vec::with_capacity(bytes);
        text.push(b'{');
        Self { text }
    }

    /// The object as one line.
    pub(super) fn into_line(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"}\n");
        self.text
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        // No early end: most texts are plain, and without one the bytes are looked at sixteen at a time.
        let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        let is_plain = !value.bytes().fold(false, |found, byte| found | needs_escape(byte));
        if is_plain {
            self.text.push(b'"');
            self.text.extend_from_slice(value.as_bytes());
            self.text.push(b'"');
        } else {
            // A string cannot fail to serialise, and a vector cannot fail to be written to.
            let _ = serde_json::to_writer(&mut self.text, value);
        }
    }

    pub(super) fn text_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.digits(value, 1);
    }

    /// Milliseconds with three decimals.
    pub(super) fn milliseconds(&mut self, key: &str, value: Duration) {
        self.key(key);
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.digits(micros / 1000, 1);
        self.text.push(b'.');
        self.digits(micros % 1000, 3);
    }

    /// RFC 3339 in UTC with microseconds.
    pub(super) fn time(&mut self, key: &str, value: DateTime<Utc>) {
        self.key(key);
        self.text.push(b'"');
        self.digits(u64::try_from(value.year()).unwrap_or(0), 4);
        let parts = [
            (b'-', value.month()),
            (b'-', value.day()),
            (b'T', value.hour()),
            (b':', value.minute()),
            (b':', value.second()),
        ];
        for (before, part) in parts {
            self.text.push(before);
            self.digits(part.into(), 2);
        }
        self.text.push(b'.');
        // A leap second is written as the end of the second before it.
        self.digits(u64::from(value.nanosecond() / 1000).min(999_999), 6);
        self.text.extend_from_slice(b"Z\"");
    }

    pub(super) fn address(&mut self, key: &str, value: IpAddr) {
        match value {
            IpAddr::V6(_) => self.text(key, &value.to_string()),
            IpAddr::V4(value) => {
                self.key(key);
                let mut before = b'"';
                for octet in value.octets() {
                    self.text.push(before);
                    self.digits(octet.into(), 1);
                    before = b'.';
                }
                self.text.push(b'"');
            }
        }
    }

    /// Keys are constants of this module's callers and need no escapes.
    fn key(&mut self, key: &str) {
        let before: &[u8] = if self.text.len() > 1 { b",\"" } else { b"\"" };
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// A number with at least so many digits.
    fn digits(&mut self, mut number: u64, least: usize) {
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            if number == 0 {
                break;
            }
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            first = place;
        }
        let written = first.min(digits.len() - least);
        self.text.extend_from_slice(digits.get(written..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Object)) -> serde_json::Value {
        let mut object = Object::with_capacity(0);
        write(&mut object);
        serde_json::from_slice(&object.into_line()).unwrap()
    }

    #[test]
    fn values_are_what_a_serialiser_would_write() {
        let time = DateTime::parse_from_rfc3339("2026-01-02T03:04:05.000678Z").unwrap().to_utc();
        let seen = written(|object| {
            object.time("time", time);
            object.number("zero", 0);
            object.milliseconds("took", Duration::from_micros(12_034));
            object.address("v4", IpAddr::from([10, 0, 200, 1]));
            object.address("v6", "2001:db8::1".parse().unwrap());
            object.text_if("absent", None);
        });
        let expected = serde_json::json!({
            "time": "2026-01-02T03:04:05.000678Z", "zero": 0, "took": 12.034, "v4": "10.0.200.1",
            "v6": "2001:db8::1",
        });
        assert_eq!(seen, expected);
    }

    proptest! {
        #[test]
        fn any_text_and_number_comes_back(text: String, number: u64) {
            let seen = written(|object| {
                object.text("text", &text);
                object.number("number", number);
            });
            prop_assert_eq!(seen, serde_json::json!({ "text": text, "number": number }));
        }
    }
}
