//! Answers made smaller for those who take it, byte by byte: what comes back is the same document, under a tag of its
//! own, and HEAD says of it what GET does.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use ureq::http::HeaderMap;

use crate::stage::{ADMIN, Device, Keys, Stage};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send_json};

const API: &str = r#"
[routes.products]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "required"
[routes.docs]
path = ["/openapi.json", "/docs", "/docs/{*rest}"]
local = "docs"
auth = "none"
"#;

/// A page of the demo catalogue, of many kilobytes.
const PAGE: &str = "/api/v1/products?limit=50&sort=sku";
const ENCODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Somebody who reads.
struct Reader<'g> {
    gateway: &'g Gateway,
    bearer: String,
}

impl<'g> Reader<'g> {
    fn at(gateway: &'g Gateway) -> Self {
        let pair = Device(gateway, "reader").log_in(ADMIN);
        Self { gateway, bearer: format!("Bearer {}", pair["access_token"].as_str().unwrap()) }
    }

    /// What comes of a request that takes these encodings and has these tags.
    fn ask(&self, method: &str, path: &str, (takes, known): (&str, &str)) -> (Answer, Vec<u8>) {
        let mut wire = self.gateway.wire();
        let bearer = format!("authorization: {}", self.bearer);
        let (takes, known) = (format!("accept-encoding: {takes}"), format!("if-none-match: {known}"));
        let all = [(&bearer, true), (&takes, !takes.ends_with(' ')), (&known, !known.ends_with(' '))];
        let sent: Vec<&str> = all.iter().filter(|line| line.1).map(|line| line.0.as_str()).collect();
        wire.ask(method, path, &sent);
        match method {
            "HEAD" => (wire.head(), Vec::new()),
            _ => wire.try_bytes().expect("a whole answer"),
        }
    }

    fn get(&self, path: &str, takes: &str) -> (Answer, Vec<u8>) {
        let (answer, body) = self.ask("GET", path, (takes, ""));
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        (answer, body)
    }
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => GzDecoder::new(bytes).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
        "zstd" => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut plain),
        "" => {
            plain.extend_from_slice(bytes);
            Ok(plain.len())
        }
        unknown => panic!("nobody asked for {unknown}"),
    }
    .unwrap_or_else(|error| panic!("{encoding}: {error}"));
    plain
}

/// What an answer varies by, in lower case and sorted.
fn varies_by(answer: &Answer) -> Vec<String> {
    let lines = answer.headers.get_all("vary").iter().map(|line| line.to_str().unwrap().to_lowercase());
    let words = lines.flat_map(|line| line.split(',').map(|it| it.trim().to_owned()).collect::<Vec<_>>());
    let mut words: Vec<String> = words.collect();
    words.sort();
    words
}

/// The headers that do not differ between two answers to the same: all but those of this request and of the framing.
fn lasting(answer: &Answer) -> HeaderMap {
    let mut headers = answer.headers.clone();
    for name in ["date", "x-request-id", "transfer-encoding"] {
        headers.remove(name);
    }
    headers
}

#[test]
fn the_same_document_comes_in_every_encoding_under_a_tag_of_its_own() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let reader = Reader::at(&gateway);
    let (plain, document) = reader.get(PAGE, "");
    let tag = plain.header("etag").trim_matches('"').to_owned();
    assert_eq!((plain.header("content-encoding"), tag.len()), ("", 16));
    assert_eq!(plain.header("content-length"), document.len().to_string());
    assert_eq!(varies_by(&plain), ["accept-encoding", "authorization", "cookie"]);
    for encoding in ENCODINGS {
        let (answer, body) = reader.get(PAGE, encoding);
        assert_eq!(answer.header("content-encoding"), encoding);
        assert!(body.len() * 2 < document.len(), "{encoding}: {} of {}", body.len(), document.len());
        assert_eq!(decoded(encoding, &body), document, "{encoding}");
        assert_eq!(answer.header("etag"), format!("\"{tag}-{encoding}\""));
        assert_eq!(varies_by(&answer), varies_by(&plain), "{encoding}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for (takes, expected) in [
        ("identity", ""),
        ("gzip;q=0, br;q=0", ""),
        ("deflate", ""),
        ("gzip;q=0.2, br;q=0.9", "br"),
        ("zstd;q=0, *;q=0.5, gzip", "gzip"),
    ] {
        let (answer, body) = reader.get(PAGE, takes);
        assert_eq!(answer.header("content-encoding"), expected, "{takes}");
        assert_eq!(decoded(expected, &body), document, "{takes}");
    }
}

#[test]
fn head_says_what_get_does_and_what_is_known_is_not_sent_again() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let reader = Reader::at(&gateway);
    for path in [PAGE, "/api/v1/products?limit=1&fields=id", "/openapi.json", "/docs"] {
        for takes in ["", "identity", "gzip", "br", "zstd", "zstd, br, gzip"] {
            let (whole, _) = reader.get(path, takes);
            let (head, _) = reader.ask("HEAD", path, (takes, ""));
            assert_eq!((head.status, lasting(&head)), (200, lasting(&whole)), "{path} {takes}");
            let tag = whole.header("etag");
            if tag.is_empty() {
                continue;
            }
            for method in ["GET", "HEAD"] {
                let what = format!("{method} {path} {takes} {tag}");
                let (known, body) = reader.ask(method, path, (takes, tag));
                assert_eq!((known.status, body.len()), (304, 0), "{what}");
                assert_eq!(known.header("etag"), tag, "{what}");
                assert_eq!(varies_by(&known), varies_by(&whole), "{what}");
                assert_eq!(known.header("cache-control"), whole.header("cache-control"), "{what}");
                for none in ["content-encoding", "content-length", "transfer-encoding"] {
                    assert_eq!(known.header(none), "", "{what}: {none}");
                }
                let (other, _) = reader.ask(method, path, (takes, "\"another\""));
                assert_eq!((other.status, lasting(&other)), (200, lasting(&whole)), "{what}");
            }
        }
    }
}

#[test]
fn a_change_is_held_against_the_tag_of_what_was_read_however_it_was_packed() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let reader = Reader::at(&gateway);
    let one = stage.word("SELECT id::text FROM products WHERE sku = 'AC-0001'");
    let path = format!("/api/v1/products/{one}");
    for (takes, description) in ENCODINGS.iter().zip(["Warm. ", "Bright. ", "Quiet. "]) {
        let (_, plain) = reader.get(&path, "");
        let mut data = serde_json::from_slice::<Value>(&plain).unwrap()["data"].clone();
        data["description"] = description.repeat(300).into();
        let change = |tag: &str| {
            let headers = [("authorization", reader.bearer.as_str()), ("if-match", tag)];
            send_json("PUT", &gateway.url(&path), &headers, &data)
        };
        let first = reader.get(&path, takes).0.header("etag").to_owned();
        let changed = change(&first);
        assert_eq!(changed.status, 200, "{takes} {first}: {}", changed.body);
        let second = reader.get(&path, takes).0.header("etag").to_owned();
        assert!(second.ends_with(&format!("-{takes}\"")), "it is large now: {second}");
        assert_eq!(change(&first).status, 412, "{takes}");
        assert_eq!(change(&second).status, 200, "{takes}");
    }
}

#[test]
fn what_is_small_and_what_carries_secrets_is_left_as_it_is() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let reader = Reader::at(&gateway);
    for path in ["/api/v1/products?limit=1&fields=id", "/api/v1/auth/permissions"] {
        let (plain, body) = reader.get(path, "");
        let (packed, same) = reader.get(path, "zstd, br, gzip");
        assert_eq!((packed.header("content-encoding"), &same), ("", &body), "{path}");
        assert_eq!(packed.header("etag"), plain.header("etag"), "{path}");
        assert!(!varies_by(&packed).contains(&"accept-encoding".to_owned()), "{path}");
    }
    let (_, permissions) = reader.get("/api/v1/auth/permissions", "");
    assert!(permissions.len() > 2048, "large enough to be worth it: {}", permissions.len());
}
