//! W3C Trace Context: the trace a request belongs to, passed on with a new parent id.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::Position;

/// The header that carries it.
const NAME: HeaderName = HeaderName::from_static("traceparent");
/// What vendors add to it.
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Where a request stands in its trace (W3C Trace Context, level 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    /// The span of whoever sent the request, in the same trace.
    parent: Option<u64>,
}

impl TraceContext {
    /// The gateway's own span: in the caller's trace where it sent a valid one, else in a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(NAME).iter();
        let parent = match (sent.next(), sent.next()) {
            (Some(value), None) => value.to_str().ok().and_then(Self::parse),
            _ => None,
        };
        let span_id = fastrand::u64(1..);
        match parent {
            Some(parent) => Self { span_id, parent: Some(parent.span_id), ..parent },
            None => Self { trace_id: fastrand::u128(1..), span_id, flags: 0, parent: None },
        }
    }

    /// Whether whoever sent the request records it. `None` where they began no trace.
    pub fn is_recorded_by_sender(&self) -> Option<bool> {
        self.parent.map(|_| self.flags == 1)
    }

    /// The span of whoever sent the request.
    pub fn sender(&self) -> Option<Position> {
        self.parent.map(|span_id| Position { trace_id: self.trace_id, span_id })
    }

    /// The same request at the place of a span that is recorded.
    pub fn at(self, position: Position) -> Self {
        Self { trace_id: position.trace_id, span_id: position.span_id, flags: 1, ..self }
    }

    /// The same request where it is not recorded here.
    pub fn unrecorded(self) -> Self {
        Self { flags: 0, ..self }
    }

    /// Writes the headers for whom the request is passed on to. `tracestate` belongs to the parent and goes
    /// where the parent does.
    pub fn pass_on(&self, headers: &mut HeaderMap) {
        if self.parent.is_none() {
            headers.remove(STATE);
        }
        let (name, value) = self.header();
        headers.insert(name, value);
    }

    fn header(&self) -> (HeaderName, HeaderValue) {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&self.trace_id.to_be_bytes(), &mut text[3..35]);
        write_hex(&self.span_id.to_be_bytes(), &mut text[36..52]);
        write_hex(&[self.flags], &mut text[53..]);
        (NAME, HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("")))
    }

    /// The trace's id as it is searched for.
    pub fn trace_id(&self) -> TraceId {
        let mut text = [0; 32];
        write_hex(&self.trace_id.to_be_bytes(), &mut text);
        TraceId(text)
    }

    /// Reads a `traceparent`. Later versions are read as far as version 00 goes, as the standard asks.
    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.splitn(5, '-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let rest = parts.next();
        let version = u8::try_from(hex(version, 2)?).ok()?;
        if version == 0xff || (version == 0 && rest.is_some()) {
            return None;
        }
        let trace_id = hex(trace, 32)?;
        let span_id = u64::try_from(hex(span, 16)?).ok()?;
        let flags = u8::try_from(hex(flags, 2)?).ok()?;
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags: flags & 1, parent: None })
    }
}

/// A trace's id as text. Every request makes one for its access line, so it is kept off the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 32]);

impl TraceId {
    /// 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes bytes as digits in lower case, two each.
fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// A lower-case hexadecimal number of exactly so many digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = text.len() == digits && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_parent_keeps_its_trace_and_gets_a_new_span() {
        let headers = HeaderMap::from_iter([(NAME, HeaderValue::from_static(VALID))]);
        let context = TraceContext::of(&headers);
        assert_eq!(context.trace_id().as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(context.span_id, 0x00f0_67aa_0ba9_02b7);
        let (_, passed_on) = context.header();
        let passed_on = TraceContext::parse(passed_on.to_str().unwrap()).unwrap();
        assert_eq!((passed_on.trace_id, passed_on.span_id), (context.trace_id, context.span_id));
        assert_eq!(passed_on.flags, 1);
    }

    #[test]
    fn an_invalid_parent_starts_a_new_trace() {
        let zero_trace = VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let upper = VALID.to_uppercase();
        let longer = format!("{VALID}-extra");
        for bad in [
            "",
            "00-abc",
            &zero_trace,
            &upper,
            &longer,
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("{}-more", VALID.replacen("00", "01", 1));
        assert!(TraceContext::parse(&later).is_some());
    }
}
