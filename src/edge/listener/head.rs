//! Finds the end of a request's head among the bytes as they come, and says when it grows too large.
//! It knows lines only; what they mean is for the parser behind it.

use memchr::memchr_iter;

/// The most headers Pingora can parse. What has more would be answered with 400 and without a word.
const MOST_HEADERS: usize = 256;

/// A head of which some may have come.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Bytes so far.
    bytes: usize,
    /// Lines so far that ended and were not blank.
    lines: usize,
    /// What there is of the line that has not ended.
    open: Open,
    /// Where bytes that came before may belong to this head.
    overlap: Option<Overlap>,
    /// Whether it may have ended, among the bytes that came last, at a place that only those before could show. Then its
    /// size is not known until more is read: by then it is certain whether it ended.
    may_have_ended: bool,
}

/// How bytes end that came before a head and may belong to it, with as many of those after them as can end it.
#[derive(Debug)]
struct Overlap {
    open: Open,
    seen: usize,
}

/// The last bytes that came since a head.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tail(Option<Open>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    CarriageReturn,
    Text,
}

/// What some more bytes of a head made of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// It goes on.
    Partial,
    /// It ended, so many bytes before the end of those given.
    Whole { after: usize },
    /// It is larger than it may be.
    TooLarge,
    /// It has more headers than can be parsed.
    TooMany,
}

impl HeadScan {
    /// Whether nothing has come of it.
    pub(super) fn is_untouched(&self) -> bool {
        self.bytes == 0
    }

    /// A head that may have begun within what came before it, as pipelined requests do.
    pub(super) fn after(tail: Tail) -> Self {
        Self { overlap: tail.0.map(|open| Overlap { open, seen: 0 }), ..Self::default() }
    }

    /// Takes the next bytes of a head that may have `most` bytes.
    pub(super) fn read(&mut self, bytes: &[u8], most: usize) -> Scanned {
        self.may_have_ended = self.overlap.as_mut().is_some_and(|overlap| overlap.ends(bytes));
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes) {
            let line = bytes.get(begin..end).unwrap_or_default();
            begin = end + 1;
            // Blank lines before a request are skipped (RFC 9112 section 2.2).
            if !self.ends_blank(line) {
                self.lines += 1;
            } else if self.lines > 0 {
                return self.judge(begin, most).unwrap_or(Scanned::Whole { after: bytes.len() - begin });
            }
        }
        self.open = self.open.and(bytes.get(begin..).unwrap_or_default());
        self.judge(bytes.len(), most).unwrap_or(Scanned::Partial)
    }

    fn ends_blank(&mut self, rest: &[u8]) -> bool {
        let open = std::mem::take(&mut self.open);
        open.and(rest) != Open::Text
    }

    fn judge(&mut self, more: usize, most: usize) -> Option<Scanned> {
        self.bytes += more;
        if self.may_have_ended {
            return None;
        }
        if self.bytes > most {
            return Some(Scanned::TooLarge);
        }
        // The first line is the request's.
        (self.lines > MOST_HEADERS + 1).then_some(Scanned::TooMany)
    }
}

impl Overlap {
    /// The most bytes that can complete the end of a line and a blank one.
    const MOST: usize = 3;

    /// Whether a head that began before ends within the next bytes.
    fn ends(&mut self, bytes: &[u8]) -> bool {
        let mut ends = false;
        for byte in bytes.iter().take(Self::MOST - self.seen) {
            self.seen += 1;
            ends |= *byte == b'\n' && self.open != Open::Text;
            self.open = if *byte == b'\n' { Open::Nothing } else { self.open.and(&[*byte]) };
        }
        ends
    }
}

impl Tail {
    /// Takes the next bytes that came.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(2)..).unwrap_or_default();
        if let Some(end) = last.iter().rposition(|byte| *byte == b'\n') {
            self.0 = Some(Open::Nothing.and(last.get(end + 1..).unwrap_or_default()));
        } else if !bytes.is_empty() {
            self.0 = Some(self.0.unwrap_or(Open::Text).and(bytes));
        }
    }
}

impl Open {
    fn and(self, more: &[u8]) -> Self {
        match (self, more) {
            (_, []) => self,
            (Self::Nothing, [b'\r']) => Self::CarriageReturn,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\r\nGET / HTTP/1.1\r\nhost: a\r\nx: \r\r\n\r\n";

    #[test]
    fn the_end_is_found_wherever_the_bytes_are_split() {
        for split in 0..HEAD.len() {
            let mut scan = HeadScan::default();
            let (first, second) = HEAD.split_at(split);
            assert_eq!(scan.read(first, 1000), Scanned::Partial, "{split}");
            let whole = [second, b"body"].concat();
            assert_eq!(scan.read(&whole, 1000), Scanned::Whole { after: 4 }, "{split}");
        }
    }

    #[test]
    fn the_end_is_found_byte_by_byte_and_without_carriage_returns() {
        for head in [HEAD, b"GET / HTTP/1.0\n\n", b"GET / HTTP/1.1\nhost: a\r\n\n"] {
            let mut scan = HeadScan::default();
            let (last, others) = head.split_last().unwrap();
            for byte in others {
                assert_eq!(scan.read(&[*byte], 1000), Scanned::Partial);
            }
            assert_eq!(scan.read(&[*last], 1000), Scanned::Whole { after: 0 });
        }
    }

    #[test]
    fn what_grows_too_large_is_noticed_at_the_first_byte_too_many() {
        let mut scan = HeadScan::default();
        assert_eq!(scan.read(HEAD, HEAD.len()), Scanned::Whole { after: 0 });
        assert_eq!(HeadScan::default().read(HEAD, HEAD.len() - 1), Scanned::TooLarge);
        let mut scan = HeadScan::default();
        assert_eq!(scan.read(&[b'x'; 100], 100), Scanned::Partial);
        assert_eq!(scan.read(b"x", 100), Scanned::TooLarge);
        assert_eq!(HeadScan::default().read(&[b'\n'; 101], 100), Scanned::TooLarge, "blank lines count");
    }

    #[test]
    fn a_head_that_began_before_is_not_measured_where_its_end_may_have_been_missed() {
        for (before, now) in [("x\r\n\r", "\n"), ("x\r\n", "\r\n"), ("x\r", "\n\r\n"), ("x\n", "\n")] {
            let mut tail = Tail::default();
            tail.read(before.as_bytes());
            let mut scan = HeadScan::after(tail);
            let bytes = [now, &"body".repeat(100)].concat();
            assert_eq!(scan.read(bytes.as_bytes(), 100), Scanned::Partial, "{before:?} {now:?}");
        }
        for (before, now) in [("", "\r\n"), ("body", "\r\n"), ("x\r", "y")] {
            let mut tail = Tail::default();
            tail.read(before.as_bytes());
            let mut scan = HeadScan::after(tail);
            let bytes = [now, &"head".repeat(100)].concat();
            assert_eq!(scan.read(bytes.as_bytes(), 100), Scanned::TooLarge, "{before:?} {now:?}");
        }
    }

    #[test]
    fn it_is_measured_from_the_next_read_on() {
        let mut tail = Tail::default();
        tail.read(b"\n");
        let mut scan = HeadScan::after(tail);
        assert_eq!(scan.read(&[b"\r\n", HEAD, &[b'x'; 100]].concat(), 200), Scanned::Whole { after: 100 });
        let mut scan = HeadScan::after(tail);
        assert_eq!(scan.read(&[&b"\r\nx"[..], &[b'x'; 100]].concat(), 50), Scanned::Partial);
        assert_eq!(scan.read(b"x", 50), Scanned::TooLarge, "it goes on, so that was no end");
    }

    #[test]
    fn the_end_of_a_head_that_began_before_may_come_byte_by_byte() {
        let mut tail = Tail::default();
        tail.read(b"x\r\n");
        let mut scan = HeadScan::after(tail);
        assert_eq!(scan.read(b"\r", 2), Scanned::Partial);
        assert_eq!(scan.read(&[b"\n", &[b'b'; 100][..]].concat(), 2), Scanned::Partial);
    }

    #[test]
    fn more_headers_than_can_be_parsed_are_noticed() {
        let of = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert_eq!(
            HeadScan::default().read(of(MOST_HEADERS).as_bytes(), 10_000),
            Scanned::Whole { after: 0 }
        );
        assert_eq!(HeadScan::default().read(of(MOST_HEADERS + 1).as_bytes(), 10_000), Scanned::TooMany);
    }
}
