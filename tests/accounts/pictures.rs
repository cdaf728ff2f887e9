//! Pictures of products over real sockets: sent as they are and in forms, refused where they are none or too large, and
//! served so that a browser runs nothing of them.

use serde_json::json;

use crate::stage::{ADMIN, Device, Keys, Stage, code};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send_json};

const API: &str = r#"
[rest]
image_bytes = "4kb"
[routes.products]
path = ["/api/v1/products", "/api/v1/products/{*rest}"]
local = "rest"
auth = "required"
[routes.images]
path = "/api/v1/products/{id}/image"
local = "rest"
auth = "required"
max_body = "16kb"
"#;

const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// A GIF of this size, with as many bytes behind.
fn gif(width: u8, height: u8, more: usize) -> Vec<u8> {
    [&b"GIF89a"[..], &[width, 0, height, 0, 0, 0, 0, 0x3b], &vec![0; more]].concat()
}

/// What a PNG of this size begins with (PNG section 11.2.1).
fn png(width: u8, height: u8) -> Vec<u8> {
    let sizes = [0, 0, 0, width, 0, 0, 0, height];
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &sizes, &[8, 2, 0, 0, 0, 0, 0, 0, 0]].concat()
}

/// A form of parts, each with its type and its bytes.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, bytes) in parts {
        let name = "content-disposition: form-data; name=\"image\"; filename=\"../../etc/passwd\"";
        body.extend_from_slice(format!("--edge\r\n{name}\r\ncontent-type: {kind}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

const FORM: &str = "multipart/form-data; boundary=edge";

/// A product of which somebody changes the picture.
struct Album<'g> {
    gateway: &'g Gateway,
    bearer: String,
    path: String,
}

impl<'g> Album<'g> {
    fn at(stage: &Stage, gateway: &'g Gateway) -> Self {
        let pair = Device(gateway, "album").log_in(ADMIN);
        let bearer = format!("authorization: Bearer {}", pair["access_token"].as_str().unwrap());
        let product = stage.word("SELECT id::text FROM products WHERE sku = 'AC-0001'");
        Self { gateway, bearer, path: format!("/api/v1/products/{product}/image") }
    }

    /// Sends a picture in one piece whose length is told.
    fn put(&self, kind: &str, body: &[u8]) -> Answer {
        let mut wire = self.gateway.wire();
        let (kind, length) = (format!("content-type: {kind}"), format!("content-length: {}", body.len()));
        wire.ask("PUT", &self.path, &[&self.bearer, &kind, &length]);
        // Who is refused early may have closed.
        let _ = wire.try_send(body);
        wire.answer()
    }

    /// Sends a picture in chunks, so that nobody knows before how long it is.
    fn put_chunked(&self, kind: &str, body: &[u8]) -> Answer {
        let mut wire = self.gateway.wire();
        let kind = format!("content-type: {kind}");
        wire.ask("PUT", &self.path, &[&self.bearer, &kind, "transfer-encoding: chunked"]);
        for piece in body.chunks(1000) {
            let _ = wire.try_send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
        }
        let _ = wire.try_send("0\r\n\r\n");
        wire.answer()
    }

    fn ask(&self, method: &str, headers: &[&str]) -> (Answer, Vec<u8>) {
        let mut wire = self.gateway.wire();
        wire.ask(method, &self.path, &[&[self.bearer.as_str()], headers].concat());
        match method {
            "HEAD" => (wire.head(), Vec::new()),
            _ => wire.try_bytes().expect("a whole answer"),
        }
    }
}

/// Fails where it is not served as it should be.
fn assert_served(album: &Album<'_>, kind: &str, bytes: &[u8]) {
    let takes = ["accept-encoding: gzip, br, zstd"];
    let (shown, body) = album.ask("GET", &takes);
    assert_eq!((shown.status, body.as_slice()), (200, bytes));
    let length = bytes.len().to_string();
    for (name, value) in [
        ("content-type", kind),
        ("content-length", &*length),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", POLICY),
        ("cache-control", "private, max-age=60"),
        ("vary", "Authorization, Cookie"),
        ("content-encoding", ""),
    ] {
        assert_eq!(shown.header(name), value, "{name}");
        assert!(shown.headers.get_all(name).iter().count() <= 1, "{name}: {:?}", shown.headers);
    }
    let (head, _) = album.ask("HEAD", &takes);
    let known = format!("if-none-match: {}", shown.header("etag"));
    for name in ["content-type", "content-length", "etag", "content-security-policy", "vary"] {
        assert_eq!(head.header(name), shown.header(name), "{name}");
    }
    for method in ["GET", "HEAD"] {
        let (again, body) = album.ask(method, &[&known]);
        assert_eq!((again.status, body.len()), (304, 0), "{method}");
        for name in ["etag", "vary", "content-security-policy", "x-content-type-options"] {
            assert_eq!(again.header(name), shown.header(name), "{method} {name}");
        }
        assert_eq!(again.header("content-length"), "", "{method}");
    }
}

#[test]
fn a_picture_comes_back_as_it_was_sent_and_a_browser_runs_nothing_of_it() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let album = Album::at(&stage, &gateway);
    assert_eq!(album.ask("GET", &[]).0.status, 404);
    // A script is hidden behind the first.
    let sly = [gif(3, 4, 2000), b"<script>alert(1)</script>".to_vec()].concat();
    for (kind, bytes) in [("image/gif", sly), ("image/png", png(5, 6))] {
        let form = form(&[(kind, &bytes)]);
        for sent in [
            album.put(kind, &bytes),
            album.put_chunked(kind, &bytes),
            album.put(FORM, &form),
            album.put_chunked(FORM, &form),
        ] {
            assert_eq!(sent.status, 200, "{kind}: {}", sent.body);
            let data = &sent.json()["data"];
            assert_eq!((&data["content_type"], &data["size"]), (&json!(kind), &json!(bytes.len())));
        }
        assert_served(&album, kind, &bytes);
    }
}

#[test]
fn what_is_no_picture_or_too_large_changes_nothing() {
    let stage = Stage::new();
    let gateway = stage.gateway_with(&Keys { route: API, ..Keys::default() });
    let album = Album::at(&stage, &gateway);
    let kept = gif(1, 2, 0);
    assert_eq!(album.put("image/gif", &kept).status, 200);
    let page = b"<html><script>alert(1)</script></html>";
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    let (invalid, unsupported, large) = (
        (422, "validation_failed".to_owned()),
        (415, "unsupported_media_type".to_owned()),
        (413, "body_too_large".to_owned()),
    );
    for (kind, body, expected) in [
        ("text/html", &page[..], &unsupported),
        ("image/svg+xml", drawing, &unsupported),
        ("application/octet-stream", &kept, &unsupported),
        ("image/gif", page, &invalid),
        ("image/png", &kept, &invalid),
        ("image/gif", &png(1, 1), &invalid),
        ("image/gif", &kept[..7], &invalid),
        ("image/gif", &gif(0, 1, 0), &invalid),
        (FORM, &form(&[("image/svg+xml", drawing)]), &unsupported),
        (FORM, &form(&[("image/png", &kept)]), &invalid),
        (FORM, &form(&[("image/gif", &kept), ("image/gif", &kept)]), &invalid),
        (FORM, &form(&[]), &invalid),
        // More than a picture may have, and more than the route takes.
        ("image/gif", &gif(1, 1, 5000), &large),
        (FORM, &form(&[("image/gif", &gif(1, 1, 5000))]), &large),
        ("image/gif", &gif(1, 1, 20_000), &large),
        (FORM, &form(&[("image/gif", &gif(1, 1, 20_000))]), &large),
    ] {
        let what = format!("{kind}, {} bytes", body.len());
        assert_eq!(&code(&album.put(kind, body)), expected, "{what}");
        assert_eq!(&code(&album.put_chunked(kind, body)), expected, "{what}, chunked");
    }
    let (shown, body) = album.ask("GET", &[]);
    assert_eq!((shown.status, body), (200, kept));
    let document = send_json(
        "PUT",
        &gateway.url(&album.path),
        &[("authorization", album.bearer.trim_start_matches("authorization: "))],
        &json!({ "image": "GIF89a" }),
    );
    assert_eq!(code(&document), unsupported);
}
