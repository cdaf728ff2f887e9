//! TLS on a listener: which certificate is shown, to whom, and what happens when its files change.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use ureq::http::Request;

use crate::support::certificates::{Authority, Issued};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::http::get;
use crate::support::process::PATIENCE;
use crate::support::wait::until;
use crate::{app, commerce, endpoint};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// A client that trusts the test's authority.
struct Client<'a> {
    authority: &'a Authority,
    versions: &'a [&'static SupportedProtocolVersion],
    alpn: &'a [&'a str],
    shows: Option<&'a Issued>,
}

impl<'a> Client<'a> {
    fn of(authority: &'a Authority) -> Self {
        Self { authority, versions: BOTH, alpn: &[], shows: None }
    }

    fn config(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(self.versions).unwrap();
        let builder = builder.with_root_certificates(self.authority.roots());
        let mut config = match self.shows {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![issued.der.clone()], key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    fn connect(&self, gateway: &Gateway, host: &str) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut connection = ClientConnection::new(self.config(), name).unwrap();
        let mut socket = TcpStream::connect(gateway.address())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(connection, socket))
    }

    /// Asks for what the backend is told of a request, and returns it with the certificate that was shown.
    fn ask(&self, gateway: &Gateway, host: &str) -> io::Result<(Value, CertificateDer<'static>)> {
        let mut stream = self.connect(gateway, host)?;
        write!(stream, "GET /api/headers HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("strict-transport-security: "), "{head}");
        let shown = stream.conn.peer_certificates().unwrap()[0].clone();
        Ok((serde_json::from_str(body).unwrap(), shown))
    }
}

/// Writes a certificate and its key under a name, and says how a table names them.
fn keep(folder: &Folder, name: &str, issued: &Issued) -> String {
    let cert = folder.write(&format!("{name}.pem"), &issued.cert);
    let key = folder.write(&format!("{name}.key"), &issued.key);
    format!("cert = \"{cert}\", key = \"{key}\"")
}

fn start(tls: &str, backend: std::net::SocketAddr, more: &str) -> Gateway {
    Gateway::listening(
        &format!("tls = {{ {tls} }}"),
        &format!("{}\n{more}", app(&[endpoint(backend)], "", "")),
    )
}

#[test]
fn the_host_asked_for_picks_the_certificate() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let [first, second] =
        [&["first.example"][..], &["second.example", "*.second.example"]].map(|hosts| authority.issue(hosts));
    let tls = format!(
        "{}, certificates = [{{ {} }}]",
        keep(&folder, "first", &first),
        keep(&folder, "second", &second)
    );
    let gateway = start(&tls, shop.address(), "");
    let client = Client::of(&authority);
    for (host, expected) in
        [("first.example", &first), ("second.example", &second), ("a.second.example", &second)]
    {
        let (seen, shown) = client.ask(&gateway, host).unwrap();
        assert_eq!(&shown, &expected.der, "{host}");
        assert_eq!(seen["headers"]["x-forwarded-proto"], json!(["https"]));
    }
    let error = client.ask(&gateway, "third.example").unwrap_err();
    assert!(error.to_string().contains("first.example"), "the first is shown: {error}");
}

#[tokio::test]
async fn the_handshake_agrees_on_the_protocol() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let gateway = start(&keep(&folder, "a", &authority.issue(&["shop.example"])), shop.address(), "");
    for (offered, agreed) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let client = Client { alpn: offered, ..Client::of(&authority) };
        let stream = client.connect(&gateway, "shop.example").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed.map(str::as_bytes));
    }
    let config = Client { alpn: &["h2"], ..Client::of(&authority) }.config();
    let socket = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    let name = ServerName::try_from("shop.example").unwrap();
    let stream = TlsConnector::from(config).connect(name, socket).await.unwrap();
    let (mut requests, connection): (SendRequest<Bytes>, _) = h2::client::handshake(stream).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    let request = Request::get("https://shop.example/api/headers").body(()).unwrap();
    let answer = requests.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let line = gateway.line_of(answer.headers()["x-request-id"].to_str().unwrap());
    assert_eq!(line["protocol"], "HTTP/2");
}

#[test]
fn a_connection_is_kept_and_heads_are_watched_as_without_tls() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let tls = keep(&folder, "a", &authority.issue(&["shop.example"]));
    let gateway = start(&tls, shop.address(), "[server.timeouts]\nheader = \"500ms\"");
    let mut stream = Client::of(&authority).connect(&gateway, "shop.example").unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n").unwrap();
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        let mut rest = vec![0; 4096];
        let read = stream.read(&mut rest).unwrap();
        assert!(rest[..read].windows(4).any(|end| end == b"\r\n\r\n"));
    }
    stream.write_all(b"GET /livez HTTP/1.1\r\nx-slow: ").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");

    let mut silent = gateway.wire();
    silent.send([0x16]);
    assert_eq!(silent.rest(), "", "a handshake that goes no further is cut");
    let causes = ["cause=\"header_timeout\""];
    until("both are counted", || {
        (gateway.metric("olympus_connections_refused_total", &causes) == 2.0).then_some(())
    });
}

#[test]
fn whoever_has_just_come_is_answered_once_after_listeners_closed() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let tls = keep(&folder, "a", &authority.issue(&["shop.example"]));
    let mut gateway = start(&tls, shop.address(), "[server.drain]\ndelay = \"0s\"\ntimeout = \"20s\"");
    let client = Client::of(&authority);
    let [mut slow, mut last, mut kept] = [(); 3].map(|()| client.connect(&gateway, "shop.example").unwrap());
    kept.write_all(b"GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n").unwrap();
    kept.read_exact(&mut [0; 12]).unwrap();
    slow.write_all(b"GET /api/headers HTTP/1.1\r\nhost: shop.example\r\nx-fault: delay=1500ms\r\n\r\n")
        .unwrap();
    let injected = || get(&shop.url("/faults")).json()["injected"]["delay"].as_u64();
    until("the backend has it", || injected().filter(|count| *count > 0));
    gateway.signal("TERM");
    until("listeners closed", || TcpStream::connect(gateway.address()).is_err().then_some(()));
    let mut told = Vec::new();
    kept.read_to_end(&mut told).unwrap_or_default();
    last.write_all(b"GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n").unwrap();
    let is_last_word = |answer: &str| {
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    };
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    is_last_word(&answer);
    answer.clear();
    // The process ends with this one, maybe before TLS does.
    slow.read_to_string(&mut answer).unwrap_or_default();
    is_last_word(&answer);
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn old_versions_and_other_protocols_are_refused_and_counted() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let tls = keep(&folder, "a", &authority.issue(&["shop.example"]));
    let gateway = start(&format!("{tls}, min_version = \"1.3\""), shop.address(), "");
    assert!(Client::of(&authority).ask(&gateway, "shop.example").is_ok());
    let old = Client { versions: &[&TLS12], ..Client::of(&authority) };
    assert!(old.ask(&gateway, "shop.example").is_err());
    let mut plain = gateway.wire();
    plain.send("GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    assert!(!plain.rest().contains("HTTP"), "nothing is answered in the clear");
    until("both are counted", || {
        let count = gateway.metric("olympus_connections_refused_total", &["cause=\"tls_handshake\""]);
        (count == 2.0).then_some(())
    });
}

#[test]
fn tls_1_2_is_spoken_unless_it_is_forbidden() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let gateway = start(&keep(&folder, "a", &authority.issue(&["shop.example"])), shop.address(), "");
    let old = Client { versions: &[&TLS12], ..Client::of(&authority) };
    assert!(old.ask(&gateway, "shop.example").is_ok());
}

#[test]
fn clients_show_a_certificate_where_an_authority_for_them_is_named() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let (theirs, strangers) = (Authority::new(), Authority::new());
    let ca = folder.write("clients.pem", &theirs.pem());
    let tls = keep(&folder, "a", &authority.issue(&["shop.example"]));
    let gateway = start(&format!("{tls}, client_ca = \"{ca}\""), shop.address(), "");
    let (known, unknown) = (theirs.issue(&["client"]), strangers.issue(&["client"]));
    let ask = |shows| Client { shows, ..Client::of(&authority) }.ask(&gateway, "shop.example");
    assert!(ask(Some(&known)).is_ok());
    assert!(ask(Some(&unknown)).is_err());
    assert!(ask(None).is_err());
}

#[test]
fn a_certificate_that_is_replaced_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let issued = [(); 2].map(|()| authority.issue(&["shop.example"]));
    let gateway = start(&keep(&folder, "a", &issued[0]), shop.address(), "");
    let client = Client::of(&authority);
    let shown = || client.ask(&gateway, "shop.example").unwrap().1;
    let success = || gateway.metric("olympus_tls_reload_success", &["listener=\"public\""]);
    assert_eq!((shown(), success()), (issued[0].der.clone(), 1.0));

    let mut kept = client.connect(&gateway, "shop.example").unwrap();
    keep(&folder, "a", &issued[1]);
    until("the new certificate is shown", || (shown() == issued[1].der).then_some(()));
    assert_eq!(success(), 1.0);
    kept.write_all(b"GET /livez HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "open connections go on: {answer}");

    folder.write("a.key", &issued[0].key);
    until("it is noticed", || (success() == 0.0).then_some(()));
    assert_eq!(shown(), issued[1].der, "the old one is kept");
    let message = gateway.messages.find("the reason", |line| line.contains("the old ones are kept"));
    assert!(message.contains("a.key is not the private key of the certificate in"), "{message}");

    keep(&folder, "a", &issued[0]);
    until("it is mended", || (success() == 1.0).then_some(()));
    assert_eq!(shown(), issued[0].der);
}

#[test]
fn the_proxy_header_comes_before_the_handshake() {
    let (shop, folder, authority) = (commerce("shop"), Folder::new("tls"), Authority::new());
    let tls = keep(&folder, "a", &authority.issue(&["shop.example"]));
    let listener = format!("proxy_protocol = true\ntls = {{ {tls} }}");
    let gateway = Gateway::listening(&listener, &app(&[endpoint(shop.address())], "", ""));
    let mut socket = TcpStream::connect(gateway.address()).unwrap();
    socket.write_all(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n").unwrap();
    let name = ServerName::try_from("shop.example").unwrap();
    let connection = ClientConnection::new(Client::of(&authority).config(), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    let begun = Instant::now();
    stream
        .write_all(b"GET /api/headers HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("203.0.113.9") && begun.elapsed() < PATIENCE, "{answer}");
}
