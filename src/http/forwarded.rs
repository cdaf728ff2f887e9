//! Where a request came from: the address behind trusted proxies, and the headers that pass it on
//! (RFC 7239 `Forwarded` and the `X-Forwarded-*` in use before it).

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::hop::{begins_as, strip};

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What is known of the connection a request came on.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// The other end. `None` for a socket without an address.
    pub peer: Option<SocketAddr>,
    /// Whether it is encrypted.
    pub is_tls: bool,
}

/// Who sent a request, as far as the proxies in between are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAddress {
    /// The client's address. Unspecified (`0.0.0.0`) where the socket has none.
    pub ip: IpAddr,
    /// Whether the client came by TLS, to us or to a trusted proxy.
    pub is_tls: bool,
    /// Whether the other end of the connection is a trusted proxy.
    pub by_trusted_proxy: bool,
}

impl ClientAddress {
    /// Walks `X-Forwarded-For` from the right past trusted proxies, beginning with the connection's other end.
    /// An entry that is no address ends the walk. `Forwarded` from a trusted proxy is passed on but not read.
    pub fn of(connection: Connection, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = connection.peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
        let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
        if !is_trusted(peer) {
            return Self { ip: peer, is_tls: connection.is_tls, by_trusted_proxy: false };
        }
        let mut ip = peer;
        for hop in hops(headers).rev() {
            let Some(address) = address(hop) else { break };
            ip = address;
            if !is_trusted(ip) {
                break;
            }
        }
        let told = headers.get(PROTO).map(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
        Self { ip, is_tls: told.unwrap_or(connection.is_tls), by_trusted_proxy: true }
    }

    /// Writes the headers that tell a backend: appended to what a trusted proxy sent, else replacing
    /// whatever the client claimed.
    pub fn pass_on(&self, connection: Connection, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let peer = connection.peer.map_or(self.ip, |peer| peer.ip().to_canonical());
        let proto = HeaderValue::from_static(if self.is_tls { "https" } else { "http" });
        let address = text(peer);
        let element = element(peer, &address, &proto, host);
        if self.by_trusted_proxy {
            append(headers, FOR, &address);
            append(headers, FORWARDED, &element);
            if let Some(host) = host {
                headers.entry(HOST).or_insert_with(|| host.clone());
            }
        } else {
            strip(headers, claims_origin);
            set(headers, FOR, HeaderValue::try_from(address).ok());
            set(headers, FORWARDED, HeaderValue::try_from(element).ok());
            set(headers, HOST, host.cloned());
        }
        headers.insert(PROTO, proto);
    }
}

/// Whether a header says where a request came from or what it asked for at first, in any of the spellings that
/// backends believe. The gateway writes some of them itself and lets no stranger write the others.
fn claims_origin(name: &HeaderName) -> bool {
    // Most headers begin otherwise, and are not compared with each.
    if !matches!(name.as_str().as_bytes().first(), Some(b'x' | b't' | b'f')) {
        return false;
    }
    let claims =
        ["x-forwarded", "x-original-", "x-real-ip", "x-client-ip", "true-client-ip", "x-rewrite-url"];
    *name == FORWARDED || claims.iter().any(|claim| begins_as(name, claim))
}

/// Replaces a header, or takes away what was there.
fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => headers.insert(name, value),
        None => headers.remove(name),
    };
}

/// The entries of all `X-Forwarded-For` headers, first to last.
fn hops(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let lines = headers.get_all(FOR).iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// An address as proxies write it: bare, with a port, or bracketed.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|it| it.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

/// An address as text. Every request needs it, and formatting IPv4 by the standard library costs five times this.
fn text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity(15);
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// One element of `Forwarded`; a host that cannot stand in a quoted string is left out.
fn element(peer: IpAddr, address: &str, proto: &HeaderValue, host: Option<&HeaderValue>) -> String {
    let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\']));
    let (open, close) = if peer.is_ipv6() { ("for=\"[", "]\"") } else { ("for=", "") };
    let mut text = String::with_capacity(48 + address.len() + host.map_or(0, str::len));
    for part in [open, address, close, ";proto=", proto.to_str().unwrap_or_default()] {
        text.push_str(part);
    }
    for part in host.iter().flat_map(|host| [";host=\"", host, "\""]) {
        text.push_str(part);
    }
    text
}

/// Adds a list entry to a header that may have several lines, keeping one.
fn append(headers: &mut HeaderMap, name: HeaderName, entry: &str) {
    let before = headers.get_all(&name).iter().filter_map(|value| value.to_str().ok());
    let list: Vec<&str> = before.chain([entry]).collect();
    set(headers, name, HeaderValue::try_from(list.join(", ")).ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(peer: &str) -> Connection {
        Connection { peer: Some(format!("{peer}:1234").parse().unwrap()), is_tls: false }
    }

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn ip(peer: &str, sent: &'static str) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        ClientAddress::of(connection(peer), &headers(&[(FOR, sent)]), &trusted).ip.to_string()
    }

    #[test]
    fn every_octet_is_written_as_the_standard_library_would() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 7, 10, 255 - octet]);
            assert_eq!(text(address), address.to_string());
        }
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(ip("192.0.2.1", "203.0.113.9"), "192.0.2.1");
    }

    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        assert_eq!(ip("10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(ip("10.0.0.1", "[2001:db8::1]:443"), "2001:db8::1");
    }

    #[test]
    fn nonsense_ends_the_walk() {
        assert_eq!(ip("10.0.0.1", "203.0.113.9, unknown, 10.0.0.3"), "10.0.0.3");
    }

    #[test]
    fn claims_of_a_stranger_are_replaced() {
        let mut sent =
            headers(&[(FOR, "1.1.1.1"), (FORWARDED, "for=1.1.1.1"), (PROTO, "https"), (HOST, "evil")]);
        let connection = connection("192.0.2.1");
        let client = ClientAddress::of(connection, &sent, &[]);
        client.pass_on(connection, Some(&HeaderValue::from_static("shop.example")), &mut sent);
        let expected = headers(&[
            (FOR, "192.0.2.1"),
            (FORWARDED, "for=192.0.2.1;proto=http;host=\"shop.example\""),
            (PROTO, "http"),
            (HOST, "shop.example"),
        ]);
        assert_eq!(sent, expected);
    }

    #[test]
    fn no_spelling_of_a_claim_passes_from_a_stranger() {
        let mut sent = HeaderMap::new();
        for name in
            ["x-real-ip", "x-forwarded-port", "x_forwarded_for", "X-Original-URL", "x-forwarded-prefix"]
        {
            sent.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("evil"));
        }
        let connection = connection("192.0.2.1");
        ClientAddress::of(connection, &sent, &[]).pass_on(connection, None, &mut sent);
        assert!(sent.values().all(|value| value != "evil"), "{sent:?}");
    }

    #[test]
    fn a_trusted_proxy_is_added_to() {
        let mut sent = headers(&[(FOR, "203.0.113.9"), (PROTO, "https"), (HOST, "shop.example")]);
        let connection = connection("10.0.0.1");
        let client = ClientAddress::of(connection, &sent, &["10.0.0.0/8".parse().unwrap()]);
        client.pass_on(connection, Some(&HeaderValue::from_static("inner")), &mut sent);
        assert_eq!(sent[FOR], "203.0.113.9, 10.0.0.1");
        assert_eq!(sent[PROTO], "https");
        assert_eq!(sent[HOST], "shop.example");
        assert!(client.is_tls);
    }
}
