//! What RFC 9113 says of wrong frames, frame by frame: each ends its stream or the connection, with the code it names.
//! The cases follow h2spec; numbers are sections of the RFC.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::gateway::Gateway;
use crate::support::process::PATIENCE;
use crate::{before, commerce};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WHOLE: u8 = END_HEADERS | END_STREAM;

const PROTOCOL: u32 = 1;
const FLOW_CONTROL: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION: u32 = 9;

/// What a client sees of its mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// `GOAWAY` with this code.
    Connection(u32),
    /// `RST_STREAM` with this code.
    Stream(u32),
    /// An answer with this status; 0 where it stands in no table.
    Answered(u16),
    /// An answer to the ping that was sent last: nothing came of what was sent before.
    Nothing,
    /// The connection ended without a word.
    Closed,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is written out, name and value.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// A block of headers that asks for `/livez`, and further ones.
fn asking(more: &[(&str, &str)]) -> Vec<u8> {
    let all = [(":method", "GET"), (":scheme", "http"), (":path", "/livez"), (":authority", "test")];
    all.iter().chain(more).flat_map(|(name, value)| field(name, value)).collect()
}

/// A whole request on this stream.
fn request(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &asking(more))
}

/// A request with these headers and no others.
fn exactly(headers: &[(&str, &str)]) -> Vec<u8> {
    let block: Vec<u8> = headers.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, WHOLE, 1, &block)
}

/// The start of a request that has a body; nobody answers it before that has come.
fn upload(more: &[(&str, &str)]) -> Vec<u8> {
    let block = [
        &field(":method", "POST")[..],
        &field(":scheme", "http"),
        &field(":path", "/api/count"),
        &field(":authority", "test"),
        &more.iter().flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>(),
    ];
    frame(HEADERS, END_HEADERS, 1, &block.concat())
}

fn settings(key: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&key.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// Sends what a client begins with, these bytes and a ping, and returns what came back, in order: up to the first that
/// is expected, or to the end of the connection. An answer to the ping may overtake one to what was sent before it.
fn send(gateway: &Gateway, bytes: &[u8], expected: &[Seen]) -> Vec<Seen> {
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ping = frame(PING, 0, 0, b"the last");
    let _ = stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes, &ping].concat());
    let mut seen = Vec::new();
    while !expected.iter().any(|one| seen.contains(one)) && !seen.contains(&Seen::Closed) {
        seen.extend(receive(&mut stream));
    }
    seen
}

fn receive(stream: &mut TcpStream) -> Option<Seen> {
    let mut head = [0; 9];
    if stream.read_exact(&mut head).is_err() {
        return Some(Seen::Closed);
    }
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).ok()?;
    let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    match head[3] {
        GOAWAY => Some(Seen::Connection(code(4))),
        RST_STREAM => Some(Seen::Stream(code(0))),
        HEADERS => Some(Seen::Answered(match payload[0] {
            0x88 => 200,
            0x8c => 400,
            _ => 0,
        })),
        PING if head[4] == ACK => {
            assert_eq!(payload, b"the last", "6.7: an answer has what was sent");
            Some(Seen::Nothing)
        }
        _ => None,
    }
}

/// Sends each case on a connection of its own; one of what is expected must be seen.
#[track_caller]
fn hold(cases: Vec<(&str, Vec<u8>, Vec<Seen>)>) {
    let shop = commerce("shop");
    let gateway = before(shop.address(), "", "");
    let begin = frame(SETTINGS, 0, 0, &[]);
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases {
        let seen = send(&gateway, &[&begin[..], &bytes].concat(), &expected);
        if !expected.iter().any(|one| seen.contains(one)) {
            wrong.push(format!("{name}: expected one of {expected:?}, saw {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(gateway.get("/livez").status, 200, "others go on");
}

/// The connection must end with this code. The implementation below us says the general one for most mistakes in the
/// form of frames, where the RFC has a more exact one.
fn connection(code: u32) -> Vec<Seen> {
    vec![Seen::Connection(code), Seen::Connection(PROTOCOL)]
}

/// The stream must; to end the connection for it is allowed (5.4.2).
fn stream(code: u32) -> Vec<Seen> {
    [vec![Seen::Stream(code)], connection(code)].concat()
}

/// A malformed request is a stream error of this kind, and may be answered with 400 before (8.1.1).
fn malformed() -> Vec<Seen> {
    vec![Seen::Stream(PROTOCOL), Seen::Answered(400), Seen::Connection(PROTOCOL)]
}

#[test]
fn what_is_unknown_is_ignored() {
    hold(vec![
        ("4.1 unknown kind of frame", frame(0xfa, 0xff, 1, b"whatever"), vec![Seen::Nothing]),
        ("4.1 unknown flags", frame(SETTINGS, 0xf0, 0, &[]), vec![Seen::Nothing]),
        ("6.5.2 unknown setting", settings(0xbeef, 7), vec![Seen::Nothing]),
        ("5.3.2 priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 7]), vec![Seen::Nothing]),
        ("a good request", request(1, &[]), vec![Seen::Answered(200)]),
        (
            "4.3 headers in three frames",
            {
                let block = asking(&[]);
                let (first, rest) = block.split_at(10);
                let (second, third) = rest.split_at(10);
                [
                    frame(HEADERS, END_STREAM, 1, first),
                    frame(CONTINUATION, 0, 1, second),
                    frame(CONTINUATION, END_HEADERS, 1, third),
                ]
                .concat()
            },
            vec![Seen::Answered(200)],
        ),
    ]);
}

#[test]
fn frames_of_a_wrong_size_are_refused() {
    hold(vec![
        ("4.2 HEADERS too large", frame(HEADERS, WHOLE, 1, &[0; 16_385]), connection(FRAME_SIZE)),
        (
            "4.2 DATA too large",
            [upload(&[]), frame(DATA, END_STREAM, 1, &[0; 16_385])].concat(),
            stream(FRAME_SIZE),
        ),
        ("6.3 PRIORITY", frame(PRIORITY, 0, 1, &[0; 4]), stream(FRAME_SIZE)),
        ("6.4 RST_STREAM", [upload(&[]), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), connection(FRAME_SIZE)),
        ("6.5 SETTINGS", frame(SETTINGS, 0, 0, &[0; 5]), connection(FRAME_SIZE)),
        ("6.5 SETTINGS with an acknowledgement", frame(SETTINGS, ACK, 0, &[0; 6]), connection(FRAME_SIZE)),
        ("6.7 PING", frame(PING, 0, 0, &[0; 6]), connection(FRAME_SIZE)),
        ("6.9 WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), connection(FRAME_SIZE)),
    ]);
}

#[test]
fn frames_on_a_wrong_stream_are_refused() {
    let code = 8_u32.to_be_bytes();
    hold(vec![
        ("6.1 DATA on 0", frame(DATA, 0, 0, b"x"), connection(PROTOCOL)),
        ("6.2 HEADERS on 0", frame(HEADERS, WHOLE, 0, &asking(&[])), connection(PROTOCOL)),
        ("6.3 PRIORITY on 0", frame(PRIORITY, 0, 0, &[0; 5]), connection(PROTOCOL)),
        ("6.4 RST_STREAM on 0", frame(RST_STREAM, 0, 0, &code), connection(PROTOCOL)),
        ("6.5 SETTINGS on 1", frame(SETTINGS, 0, 1, &[]), connection(PROTOCOL)),
        ("6.7 PING on 1", frame(PING, 0, 1, &[0; 8]), connection(PROTOCOL)),
        ("6.8 GOAWAY on 1", frame(GOAWAY, 0, 1, &[0; 8]), connection(PROTOCOL)),
        ("6.10 CONTINUATION on 0", frame(CONTINUATION, END_HEADERS, 0, &[]), connection(PROTOCOL)),
        ("5.1 DATA on an idle stream", frame(DATA, 0, 1, b"x"), connection(PROTOCOL)),
        ("5.1 RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, &code), connection(PROTOCOL)),
        ("5.1 WINDOW_UPDATE on an idle stream", frame(WINDOW_UPDATE, 0, 1, &code), connection(PROTOCOL)),
        (
            "5.1 CONTINUATION on an idle stream",
            frame(CONTINUATION, END_HEADERS, 1, &[]),
            connection(PROTOCOL),
        ),
        ("5.1.1 a stream with an even number", request(2, &[]), connection(PROTOCOL)),
        (
            "5.1.1 a stream with a lower number",
            [request(5, &[]), request(3, &[])].concat(),
            connection(PROTOCOL),
        ),
        ("8.4 PUSH_PROMISE", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), connection(PROTOCOL)),
    ]);
}

#[test]
fn what_comes_after_the_end_of_a_stream_is_refused() {
    let closed = || [stream(STREAM_CLOSED), connection(PROTOCOL)].concat();
    hold(vec![
        ("5.1 DATA after the end", [request(1, &[]), frame(DATA, 0, 1, b"x")].concat(), closed()),
        ("5.1 HEADERS after the end", [request(1, &[]), request(1, &[])].concat(), closed()),
        (
            "5.1 CONTINUATION after the end",
            [request(1, &[]), frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
            closed(),
        ),
        (
            "5.1 HEADERS after a reset",
            [upload(&[]), frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()), request(1, &[])].concat(),
            closed(),
        ),
        (
            "5.1.2 more streams than there may be",
            (0..200)
                .flat_map(|place| frame(HEADERS, END_HEADERS, 2 * place + 1, &asking(&[("x-n", "1")])))
                .collect(),
            [stream(REFUSED_STREAM), connection(PROTOCOL)].concat(),
        ),
    ]);
}

#[test]
fn blocks_of_headers_are_whole_and_well_coded() {
    let block = asking(&[]);
    let begun = frame(HEADERS, END_STREAM, 1, &block[..10]);
    let rest = frame(CONTINUATION, END_HEADERS, 1, &block[10..]);
    hold(vec![
        ("4.3 index 0", frame(HEADERS, WHOLE, 1, &[0x80]), connection(COMPRESSION)),
        (
            "4.3 an index beyond the table",
            frame(HEADERS, WHOLE, 1, &[0xff, 0x80, 0x10]),
            connection(COMPRESSION),
        ),
        ("4.3 a field that is cut off", frame(HEADERS, WHOLE, 1, &[0, 5, b'a']), connection(COMPRESSION)),
        (
            "6.2 another frame within a block",
            [begun.clone(), frame(PING, 0, 0, &[0; 8]), rest].concat(),
            connection(PROTOCOL),
        ),
        (
            "6.2 another stream within a block",
            [begun, frame(CONTINUATION, END_HEADERS, 3, &block[10..])].concat(),
            connection(PROTOCOL),
        ),
        (
            "6.10 CONTINUATION after a whole block",
            [upload(&[]), frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
            connection(PROTOCOL),
        ),
        (
            "6.2 more padding than there is",
            frame(HEADERS, WHOLE | PADDED, 1, &[9, 1, 2]),
            connection(PROTOCOL),
        ),
        (
            "6.1 more padding than there is",
            [upload(&[]), frame(DATA, PADDED, 1, &[9, 1, 2])].concat(),
            connection(PROTOCOL),
        ),
    ]);
}

#[test]
fn settings_and_windows_stay_within_bounds() {
    let update = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    hold(vec![
        ("6.5.2 ENABLE_PUSH", settings(2, 2), connection(PROTOCOL)),
        ("6.5.2 INITIAL_WINDOW_SIZE", settings(4, 1 << 31), connection(FLOW_CONTROL)),
        ("6.5.2 MAX_FRAME_SIZE too small", settings(5, 16_383), connection(PROTOCOL)),
        ("6.5.2 MAX_FRAME_SIZE too large", settings(5, 1 << 24), connection(PROTOCOL)),
        ("6.9 an update by 0", update(0, 0), connection(PROTOCOL)),
        ("6.9 an update of a stream by 0", [upload(&[]), update(1, 0)].concat(), stream(PROTOCOL)),
        (
            "6.9.1 a window that grows too large",
            [update(0, 0x7fff_ffff), update(0, 0x7fff_ffff)].concat(),
            connection(FLOW_CONTROL),
        ),
        (
            "6.9.1 a window of a stream that grows too large",
            [upload(&[]), update(1, 0x7fff_ffff), update(1, 0x7fff_ffff)].concat(),
            stream(FLOW_CONTROL),
        ),
    ]);
}

#[test]
fn malformed_requests_are_refused() {
    let (method, scheme, path) = ((":method", "GET"), (":scheme", "http"), (":path", "/livez"));
    let host = (":authority", "test");
    let trailers =
        |more: &[(&str, &str)]| more.iter().flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>();
    hold(vec![
        ("8.2.1 a name in upper case", request(1, &[("X-Upper", "1")]), malformed()),
        ("8.2.2 connection", request(1, &[("connection", "keep-alive")]), malformed()),
        ("8.2.2 te", request(1, &[("te", "gzip")]), malformed()),
        ("8.3 an unknown pseudo-header", exactly(&[method, scheme, path, host, (":x", "1")]), malformed()),
        ("8.3 one of answers", exactly(&[method, scheme, path, host, (":status", "200")]), malformed()),
        ("8.3 one after others", exactly(&[method, scheme, path, ("x-a", "1"), host]), malformed()),
        ("8.3.1 no method", exactly(&[scheme, path, host]), malformed()),
        ("8.3.1 no scheme", exactly(&[method, path, host]), malformed()),
        ("8.3.1 no path", exactly(&[method, scheme, host]), malformed()),
        ("8.3.1 an empty path", exactly(&[method, scheme, (":path", ""), host]), malformed()),
        ("8.3.1 two methods", exactly(&[method, method, scheme, path, host]), malformed()),
        ("8.3.1 two paths", exactly(&[method, scheme, path, path, host]), malformed()),
        (
            "8.1.1 a body shorter than it says",
            [upload(&[("content-length", "5")]), frame(DATA, END_STREAM, 1, b"abc")].concat(),
            malformed(),
        ),
        (
            "8.1.1 a body longer than it says",
            [upload(&[("content-length", "2")]), frame(DATA, END_STREAM, 1, b"abc")].concat(),
            malformed(),
        ),
        (
            "8.1 trailers that do not end the stream",
            [upload(&[]), frame(HEADERS, END_HEADERS, 1, &trailers(&[("x-end", "1")]))].concat(),
            malformed(),
        ),
    ]);
}

#[test]
fn a_connection_begins_with_settings() {
    let gateway = Gateway::start("");
    let seen = send(&gateway, &[], &[Seen::Connection(PROTOCOL)]);
    assert_eq!(seen, [Seen::Connection(PROTOCOL)], "3.4");
}
