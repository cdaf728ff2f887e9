//! The watch over a connection, with time paused: who is cut, when, and what they are told.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{advance, timeout};

use super::super::crowd::Crowd;
use super::super::frames::PREFACE;
use super::*;
use crate::telemetry::Metrics;

const HEADS: Heads = Heads { within: Duration::from_secs(10), apart: Duration::from_secs(30), most: 1000 };
const LONG: Duration = Duration::from_secs(60);

struct Ends {
    client: DuplexStream,
    server: Watched<DuplexStream>,
    metrics: Metrics,
}

fn ends(watch: impl FnOnce(DuplexStream, Place) -> Watched<DuplexStream>) -> Ends {
    let (client, server) = duplex(1 << 20);
    let metrics = Metrics::new();
    let place = Crowd::new(1, 1, metrics.connections.of("public")).enter().unwrap();
    Ends { client, server: watch(server, place), metrics }
}

fn http1() -> Ends {
    ends(|server, place| Watched::http1(server, place, HEADS, Instant::now() + HEADS.within))
}

fn http2() -> Ends {
    ends(|server, place| Watched::http2(server, place, HEADS, Instant::now() + HEADS.within))
}

impl Ends {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What Pingora reads now; empty at the end.
    async fn read(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 << 16);
        self.server.read_buf(&mut bytes).await.unwrap();
        bytes
    }

    /// What the client is told before the connection ends.
    async fn told(mut self) -> String {
        drop(self.server);
        let mut told = Vec::new();
        self.client.read_to_end(&mut told).await.unwrap();
        String::from_utf8_lossy(&told).into_owned()
    }

    fn counted(&self, cause: &str) -> bool {
        let series = format!("olympus_connections_refused_total{{cause=\"{cause}\",listener=\"public\"}} 1");
        self.metrics.exposition().into_text().contains(&series)
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_when_its_time_is_over() {
    let mut ends = http1();
    let begun = Instant::now();
    loop {
        ends.send("x").await;
        if ends.read().await.is_empty() {
            break;
        }
        let Ok(end) = timeout(Duration::from_secs(1), ends.read()).await else { continue };
        assert!(end.is_empty());
        break;
    }
    assert!((10..=12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(ends.counted("header_timeout"));
    let told = ends.told().await;
    assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_at_first_is_cut_without_a_word() {
    let mut ends = http1();
    assert!(timeout(LONG, ends.read()).await.unwrap().is_empty());
    assert!(ends.counted("header_timeout"));
    assert_eq!(ends.told().await, "");
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_its_time_and_any_size() {
    let mut ends = http1();
    ends.send("POST / HTTP/1.1\r\n\r\n").await;
    assert_eq!(ends.read().await.len(), 19);
    for _ in 0..5 {
        assert!(timeout(LONG, ends.read()).await.is_err(), "nothing is cut");
        ends.send([b'x'; 5000]).await;
        assert_eq!(ends.read().await.len(), 5000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_answered_and_hidden() {
    let mut ends = http1();
    ends.send(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(990))).await;
    ends.client.shutdown().await.unwrap();
    assert!(ends.read().await.is_empty());
    assert!(ends.counted("header_bytes"));
    let told = ends.told().await;
    assert!(told.starts_with("HTTP/1.1 431 "), "{told}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_listen_to_the_last_word_is_not_waited_for() {
    let mut ends = http1();
    ends.send(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(990))).await;
    let begun = Instant::now();
    assert!(ends.read().await.is_empty());
    assert_eq!(begun.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_the_head_it_answers() {
    let mut ends = http1();
    ends.send("GET / HTTP/1.1\r\nwrong").await;
    ends.read().await;
    ends.server.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    assert!(timeout(LONG, ends.read()).await.is_err());
    assert!(!ends.counted("header_timeout"));
}

/// What a client begins with.
fn begin() -> Vec<u8> {
    [&PREFACE[..], &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]].concat()
}

fn frames(kind: u8, payload: &[u8], count: usize) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, 0, 0, 0, 0, 5], payload].concat().repeat(count)
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_any_kind_is_told_to_calm_down() {
    let floods = [
        (6, 8, "h2_ping_flood"),
        (4, 0, "h2_settings_flood"),
        (3, 4, "h2_reset_flood"),
        (2, 5, "h2_priority_flood"),
        (0xfa, 3, "h2_unknown_flood"),
    ];
    for (kind, length, cause) in floods {
        let mut ends = http2();
        ends.send(begin()).await;
        ends.send(frames(kind, &vec![0; length], 1000)).await;
        ends.client.shutdown().await.unwrap();
        while !ends.read().await.is_empty() {}
        assert!(ends.counted(cause), "{cause}");
        let told = ends.told().await;
        assert_eq!(told.as_bytes(), String::from_utf8_lossy(&go_away(5, 11)).as_bytes(), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_frames_over_a_longer_time_are_no_flood() {
    let mut ends = http2();
    ends.send(begin()).await;
    for _ in 0..100 {
        ends.send([frames(6, &[0; 8], 50), frames(3, &[0; 4], 10), frames(4, &[], 2)].concat()).await;
        assert!(!ends.read().await.is_empty());
        advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_within_a_frame_of_ours_is_not_said() {
    let mut ends = http2();
    ends.server.write_all(&frames(0, &[7; 9], 1)[..12]).await.unwrap();
    ends.send([&begin()[..], &frames(6, &[0; 8], 1000)].concat()).await;
    while !ends.read().await.is_empty() {}
    assert_eq!(ends.told().await.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_block_of_headers_that_drips_is_cut_and_a_body_is_not() {
    let mut ends = http2();
    ends.send([&begin()[..], &frames(0, &[1; 100], 1)[..50]].concat()).await;
    ends.read().await;
    assert!(timeout(LONG, ends.read()).await.is_err(), "a body may take its time");
    ends.send(&frames(0, &[1; 100], 1)[50..]).await;
    ends.send(frames(1, b"begun", 1)).await;
    ends.read().await;
    let begun = Instant::now();
    assert!(timeout(LONG, ends.read()).await.unwrap().is_empty());
    assert_eq!((begun.elapsed().as_secs(), ends.counted("header_timeout")), (11, true));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_begin_at_all_is_cut_and_whoever_did_may_be_silent() {
    for begun in [&b""[..], &PREFACE[..12], &PREFACE[..], &begin()[..30]] {
        let mut ends = http2();
        ends.send(begun).await;
        let began = Instant::now();
        while !ends.read().await.is_empty() {}
        assert!((10..=11).contains(&began.elapsed().as_secs()), "{begun:?}: {:?}", began.elapsed());
        assert!(ends.counted("header_timeout"));
    }
    let mut ends = http2();
    ends.send(begin()).await;
    ends.read().await;
    assert!(timeout(LONG, ends.read()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_begin_with_settings_made_a_mistake() {
    let mut ends = http2();
    ends.send([&PREFACE[..], &frames(6, &[0; 8], 1)].concat()).await;
    ends.client.shutdown().await.unwrap();
    assert!(ends.read().await.is_empty());
    assert!(ends.counted("h2_preface"));
    assert_eq!(ends.told().await.as_bytes(), go_away(5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_head_in_more_frames_than_it_needs_is_a_flood() {
    let mut ends = http2();
    ends.send([begin(), frames(1, b"a", 1), frames(9, b"b", 5)].concat()).await;
    assert!(!ends.read().await.is_empty());
    ends.send(frames(9, b"c", 1)).await;
    ends.client.shutdown().await.unwrap();
    assert!(ends.read().await.is_empty());
    assert!(ends.counted("h2_continuation_flood"));
}

#[tokio::test(start_paused = true)]
async fn connections_that_others_end_for_a_reason_are_counted() {
    for (code, cause) in [(11, "h2_excess"), (1, "h2_protocol")] {
        let mut ends = http2();
        ends.server.write_all(&go_away(1, 0)).await.unwrap();
        assert!(!ends.metrics.exposition().into_text().contains("cause="), "one that drains is not");
        ends.server.write_all(&go_away(1, code)).await.unwrap();
        assert!(ends.counted(cause), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_head_that_was_parsed_is_none_wherever_that_began() {
    let mut ends = http1();
    ends.send("GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n\r\nbody").await;
    ends.read().await;
    ends.server.expect_head();
    ends.server.head_was_parsed();
    ends.send([b'x'; 5000]).await;
    assert_eq!(ends.read().await.len(), 5000, "larger than a head may be");
    assert!(timeout(LONG, ends.read()).await.is_err(), "and slower");
    ends.server.expect_head();
    ends.send([b'x'; 2000]).await;
    ends.client.shutdown().await.unwrap();
    assert!(ends.read().await.is_empty(), "the next one is watched again");
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_ends_without_a_word_when_nothing_more_is_asked() {
    let mut ends = http1();
    ends.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    ends.read().await;
    advance(LONG).await;
    ends.server.expect_head();
    let begun = Instant::now();
    assert!(ends.read().await.is_empty());
    assert_eq!(begun.elapsed(), HEADS.apart);
    assert!(!ends.counted("header_timeout"));
    assert_eq!(ends.told().await, "");
}

#[tokio::test(start_paused = true)]
async fn the_next_head_has_its_own_time_once_it_has_begun() {
    let mut ends = http1();
    ends.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    ends.read().await;
    ends.server.expect_head();
    assert!(timeout(HEADS.apart - Duration::from_secs(1), ends.read()).await.is_err());
    ends.send("GET").await;
    ends.read().await;
    let begun = Instant::now();
    assert!(ends.read().await.is_empty());
    // And the moment in which it may read what it is told.
    assert!((10..=11).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(ends.counted("header_timeout"));
}

#[tokio::test(start_paused = true)]
async fn a_head_is_waited_for_with_nothing_in_hand_and_read_once() {
    let mut ends = http1();
    for request in ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /second HTTP/1.1\r\n\r\n"] {
        assert!(ends.server.is_between_requests());
        assert!(timeout(HEADS.within / 2, ends.server.begin()).await.is_err());
        ends.send(request).await;
        assert_eq!(ends.server.begin().await.unwrap(), request);
        assert!(!ends.server.is_between_requests());
        assert!(timeout(LONG, ends.read()).await.is_err(), "nothing is read twice");
        ends.server.head_was_parsed();
        ends.server.expect_head();
    }
    assert!(ends.server.begin().await.is_none(), "and not for ever");
}

#[tokio::test(start_paused = true)]
async fn whoever_may_hold_a_part_of_the_next_head_waits_for_it() {
    let requests = [
        "GET / HTTP/1.1\r\n\r\nGET / HT",
        "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nx",
    ];
    for request in requests {
        let mut ends = http1();
        ends.send(request).await;
        assert_eq!(ends.server.begin().await.unwrap(), request);
        ends.server.head_was_parsed();
        ends.server.expect_head();
        assert!(!ends.server.is_between_requests(), "{request}");
        ends.server.head_was_parsed();
        ends.send("TTP/1.1\r\n\r\n").await;
        ends.read().await;
        ends.server.expect_head();
        assert!(!ends.server.is_between_requests(), "{request}");
    }
    let mut ends = http1();
    for part in ["GET / HTTP/1.1\r\n", "\r\n", "body"] {
        ends.send(part).await;
        ends.read().await;
    }
    ends.server.expect_head();
    assert!(!ends.server.is_between_requests());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_may_end_a_head_that_came_before_says_nothing_of_the_next() {
    let mut ends = http1();
    ends.send("GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r").await;
    ends.server.begin().await.unwrap();
    ends.server.head_was_parsed();
    ends.server.expect_head();
    // With its first byte the second head is whole, and Pingora has the third.
    ends.send("\nGET /2 HTTP/1.1\r\n\r\n").await;
    ends.read().await;
    ends.server.head_was_parsed();
    ends.server.expect_head();
    assert!(!ends.server.is_between_requests());
    ends.server.head_was_parsed();
    assert!(timeout(LONG, ends.read()).await.is_err());
    ends.server.expect_head();
    ends.send("GET /3 HTTP/1.1\r\n\r\n").await;
    ends.read().await;
    ends.server.head_was_parsed();
    ends.server.expect_head();
    assert!(ends.server.is_between_requests(), "what begins with text is a head that is seen whole");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_connection_is_not_waited_for_for_ever() {
    let (_client, server) = duplex(10);
    let place = Crowd::new(1, 1, Metrics::new().connections.of("public")).enter().unwrap();
    let mut server = Watched::http1(tokio::io::BufWriter::new(server), place, HEADS, Instant::now() + LONG);
    server.write_all(&[b'x'; 100]).await.unwrap();
    let began = Instant::now();
    assert!(server.shutdown().await.is_err());
    assert_eq!(began.elapsed(), Duration::from_millis(LINGER.into()));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_stands_fails_and_one_that_moves_on_does_not() {
    let mut ends = http1();
    let patience = Duration::from_secs(5);
    ends.server.bear(patience);
    let answer = vec![b'x'; 3 << 19];
    for _ in 0..2 {
        let slow = async {
            tokio::time::sleep(patience - Duration::from_secs(1)).await;
            ends.client.read_exact(&mut vec![0; 3 << 19]).await
        };
        let (written, _) = tokio::join!(ends.server.write_all(&answer), slow);
        written.unwrap();
    }
    let steady = async {
        for _ in 0..12 {
            tokio::time::sleep(patience / 2).await;
            ends.client.read_exact(&mut vec![0; 1 << 17]).await.unwrap();
        }
    };
    let (written, ()) = tokio::join!(ends.server.write_all(&answer), steady);
    written.unwrap();
    let begun = Instant::now();
    let failed = ends.server.write_all(&answer).await.unwrap_err();
    assert_eq!((failed.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, patience));
}
