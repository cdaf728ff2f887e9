//! A JSON object written straight into bytes. Every request writes one, and going through a serialiser cost three
//! times as much as the rest of the line. Strings that need escapes are left to `serde_json`.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::model::Moment;

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

    #[inline]
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.string(value);
    }

    /// A text of which it is known that it needs no escapes.
    #[inline]
    pub(super) fn plain(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    fn string(&mut self, value: &str) {
        // No early end: most texts are plain, and without one the bytes are looked at sixteen at a time.
        let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        let is_plain = !value.bytes().fold(false, |found, byte| found | needs_escape(byte));
        if is_plain {
            self.quoted(value);
        } else {
            // A string cannot fail to serialise, and a vector cannot fail to be written to.
            let _ = serde_json::to_writer(&mut self.text, value);
        }
    }

    fn quoted(&mut self, value: &str) {
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    #[inline]
    pub(super) fn text_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.digits(value);
    }

    /// Said only where it is so.
    pub(super) fn truth_if(&mut self, key: &str, is_so: bool) {
        if is_so {
            self.key(key);
            self.text.extend_from_slice(b"true");
        }
    }

    /// Milliseconds with three decimals.
    pub(super) fn milliseconds(&mut self, key: &str, value: Duration) {
        self.key(key);
        let whole = value.as_secs().saturating_mul(1000).saturating_add(value.subsec_millis().into());
        self.digits(whole);
        self.text.push(b'.');
        self.fixed::<3>(u64::from(value.subsec_micros() % 1000));
    }

    /// RFC 3339 in UTC with microseconds.
    pub(super) fn time(&mut self, key: &str, value: DateTime<Utc>) {
        self.key(key);
        self.quoted(Moment::of(value).as_str());
    }

    pub(super) fn address(&mut self, key: &str, value: IpAddr) {
        match value {
            IpAddr::V6(_) => self.text(key, &value.to_string()),
            IpAddr::V4(value) => {
                self.key(key);
                let mut before = b'"';
                for octet in value.octets() {
                    self.text.push(before);
                    self.digits(octet.into());
                    before = b'.';
                }
                self.text.push(b'"');
            }
        }
    }

    /// Keys are constants of this module's callers and need no escapes. Where this is a part of the caller, their
    /// lengths are known, and writing them costs a third of calling for each.
    #[inline(always)]
    fn key(&mut self, key: &str) {
        let before: &[u8] = if self.text.len() > 1 { b",\"" } else { b"\"" };
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(key.as_bytes());
        self.text.extend_from_slice(b"\":");
    }

    /// A number. Most are short, and to copy a few bytes of known length costs less than to call for as many as there
    /// are.
    fn digits(&mut self, number: u64) {
        match number {
            0..10 => self.fixed::<1>(number),
            10..100 => self.fixed::<2>(number),
            100..1000 => self.fixed::<3>(number),
            _ => self.text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// The last so many digits of a number.
    #[inline]
    fn fixed<const DIGITS: usize>(&mut self, mut number: u64) {
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        self.text.extend_from_slice(&digits);
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
