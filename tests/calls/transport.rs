//! How endpoints are reached: kept connections, Unix sockets, TLS with the pool's own authorities and certificates.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;

use olympus_gateway::error::Kind;
use ureq::http::Method;

use crate::support::double::Double;
use crate::support::folder::Folder;
use crate::support::secure::{Authority, Backend};
use crate::{ask, backend, kind, pool};

#[test]
fn a_connection_is_kept_while_a_runtime_lives() {
    let double = Double::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let backend = backend(&pool(&[double.address().to_string()], "")).unwrap();
    let read = |_: &olympus_gateway::backends::Answer| Ok(());
    crate::on_errand(crate::SOON, async |errand| {
        for _ in 0..3 {
            let request = olympus_gateway::backends::Request::new(Method::GET, "/x");
            backend.ask(&errand, request, read).await.unwrap();
        }
    });
    assert_eq!((double.heads().len(), double.connections()), (3, 1));
}

#[test]
fn a_unix_socket_is_an_endpoint_like_others() {
    let folder = Folder::new("calls");
    let path = folder.file("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let first = lines.next().unwrap_or_default();
        lines.find(String::is_empty);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        first
    });
    let backend = backend(&pool(&[format!("unix:{path}")], "")).unwrap();
    assert_eq!(ask(&backend, Method::GET).unwrap(), (200, "ok".to_owned()));
    assert_eq!(server.join().unwrap(), "GET /x HTTP/1.1");
}

#[test]
fn only_the_pools_authorities_vouch_for_a_backend() {
    let (folder, authority) = (Folder::new("calls"), Authority::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let tls = format!("tls = {{ sni = \"shop.example\", ca = \"{ca}\" }}\nretry = {{ max_retries = 0 }}");
    let trusted = Backend::secure(authority.issue("shop.example").server(&["http/1.1"], None));
    let asked = |address: String| ask(&backend(&pool(&[address], &tls)).unwrap(), Method::GET);
    assert_eq!(asked(trusted.address.to_string()).unwrap(), (200, "http/1".to_owned()));
    for strange in [Authority::new().issue("shop.example"), authority.issue("other.example")] {
        let stranger = Backend::secure(strange.server(&["http/1.1"], None));
        let pool = pool(&[stranger.address.to_string()], &tls);
        assert_eq!(kind(ask(&backend(&pool).unwrap(), Method::GET)), Kind::BadGateway);
        let failed = pool.endpoints()[0].failed(olympus_gateway::upstream::Failure::Certificate);
        assert_eq!(failed, 1, "it is told apart from a refused connection");
    }
}

#[test]
fn a_backend_that_asks_is_shown_the_pools_certificate() {
    let (folder, authority) = (Folder::new("calls"), Authority::new());
    let ours = authority.issue("gateway.example");
    let (ca, cert, key) = (
        folder.write("ca.pem", &authority.pem),
        folder.write("cert.pem", &ours.cert),
        folder.write("key.pem", &ours.key),
    );
    let server = authority.issue("shop.example").server(&["http/1.1"], Some(&authority));
    let asking = Backend::secure(server);
    let tls = format!(
        "tls = {{ sni = \"shop.example\", ca = \"{ca}\", client_cert = \"{cert}\", client_key = \"{key}\" }}"
    );
    let backend = backend(&pool(&[asking.address.to_string()], &tls)).unwrap();
    assert_eq!(ask(&backend, Method::GET).unwrap(), (200, "http/1".to_owned()));
}

#[test]
fn a_pool_that_speaks_http2_only_is_refused_with_the_reason() {
    let refusal = backend(&pool(&["127.0.0.1:9".to_owned()], "protocol = \"h2\"")).unwrap_err();
    assert!(refusal.to_string().contains("`protocol` must be \"http1\" or \"auto\""), "{refusal}");
}
