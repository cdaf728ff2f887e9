//! Finds the frames among the bytes of an HTTP/2 connection (RFC 9113 section 4.1) without understanding them.

/// What stands before the payload of every frame.
const HEADER: usize = 9;

/// What a client begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
pub(super) const SETTINGS: u8 = 4;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;
/// A flag of both: the block of headers ends here.
const END_HEADERS: u8 = 4;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct FrameScan {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    have: usize,
    /// Bytes to come that are no header.
    skip: usize,
    /// Whether a block of headers has begun and not ended.
    is_in_block: bool,
    /// The highest stream so far.
    stream: u32,
}

/// The start of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
}

impl FrameScan {
    /// What comes from a client.
    pub(super) fn of_client() -> Self {
        Self { skip: PREFACE.len(), ..Self::default() }
    }

    /// Passes each frame that begins within the next bytes to `judge`, with what follows, until it refuses one.
    pub(super) fn read<E>(
        &mut self,
        mut bytes: &[u8],
        mut judge: impl FnMut(Frame, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let room = self.header.get_mut(self.have..).unwrap_or_default();
            let taken = room.len().min(bytes.len());
            let (more, rest) = bytes.split_at(taken);
            if let Some(room) = room.get_mut(..taken) {
                room.copy_from_slice(more);
            }
            (self.have, bytes) = (self.have + taken, rest);
            if self.have == HEADER {
                judge(self.begin(), bytes)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Frame {
        let [high, middle, low, kind, flags, stream @ ..] = self.header;
        self.have = 0;
        self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.stream = self.stream.max(u32::from_be_bytes(stream) & 0x7fff_ffff);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.is_in_block = flags & END_HEADERS == 0;
        }
        Frame { kind }
    }

    /// Whether the next byte begins a frame.
    pub(super) fn is_between_frames(&self) -> bool {
        self.have == 0 && self.skip == 0
    }

    /// Whether a block of headers, or a frame that may begin one, has begun and not ended.
    pub(super) fn is_within_head(&self) -> bool {
        let [.., kind, _, _, _, _, _] = self.header;
        self.is_in_block || self.have > 0 || (self.skip > 0 && matches!(kind, HEADERS | CONTINUATION))
    }

    /// The highest stream seen.
    pub(super) fn stream(&self) -> u32 {
        self.stream
    }
}

/// A frame that ends the connection and says why (RFC 9113 section 6.8).
pub(super) fn go_away(last_stream: u32, code: u32) -> Vec<u8> {
    [&[0, 0, 8, 7, 0, 0, 0, 0, 0][..], &last_stream.to_be_bytes(), &code.to_be_bytes()].concat()
}

/// The code of such a frame, from what follows its header.
pub(super) fn code_of_go_away(payload: &[u8]) -> Option<u32> {
    payload.get(4..)?.first_chunk().map(|code| u32::from_be_bytes(*code))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn kinds(scan: &mut FrameScan, bytes: &[u8]) -> Vec<u8> {
        let mut kinds = Vec::new();
        let read: Result<(), Infallible> = scan.read(bytes, |frame, _| {
            kinds.push(frame.kind);
            Ok(())
        });
        read.unwrap();
        kinds
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_split() {
        let frames =
            [frame(4, 0, 0, &[0; 6]), frame(1, 5, 1, b"block"), frame(0, 1, 1, &[]), frame(6, 0, 0, &[1; 8])];
        let all = [PREFACE.to_vec(), frames.concat()].concat();
        for split in 0..all.len() {
            let mut scan = FrameScan::of_client();
            let (first, second) = all.split_at(split);
            let found = [kinds(&mut scan, first), kinds(&mut scan, second)].concat();
            assert_eq!(found, [4, 1, 0, 6], "{split}");
            assert!(scan.is_between_frames() && !scan.is_within_head());
            assert_eq!(scan.stream(), 1);
        }
    }

    #[test]
    fn a_block_of_headers_ends_where_it_says() {
        let mut scan = FrameScan::default();
        let first = frame(1, 1, 3, b"some");
        kinds(&mut scan, &first[..5]);
        assert!(scan.is_within_head(), "a part of what may be a head");
        kinds(&mut scan, &first[5..]);
        assert!(scan.is_between_frames() && scan.is_within_head());
        kinds(&mut scan, &frame(9, 4, 3, b"more"));
        assert!(!scan.is_within_head());
        kinds(&mut scan, &frame(0, 0, 3, b"half a body")[..12]);
        assert!(!scan.is_within_head() && !scan.is_between_frames());
    }

    #[test]
    fn the_last_word_is_a_frame_of_its_own() {
        let mut scan = FrameScan::default();
        assert_eq!(kinds(&mut scan, &go_away(7, 11)), [7]);
        assert!(scan.is_between_frames());
    }
}
