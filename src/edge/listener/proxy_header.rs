//! The PROXY protocol, versions 1 and 2: how a balancer before us says who the client is.
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>. Strict: whatever is not exactly that is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pingora::protocols::l4::stream::Stream as L4Stream;
use tokio::io::AsyncReadExt;

use super::refusal::Refusal;

/// What version 1 begins with.
const TEXT: &[u8] = b"PROXY ";
/// The longest line of version 1, with its end.
const LONGEST_TEXT: usize = 107;
/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The fixed part of version 2.
const FIXED: usize = 16;
/// The longest header of version 2 taken here. Addresses need 216 bytes at most; the rest is about TLS and the cloud.
const LONGEST: usize = 4096;

/// Who a connection is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Introduced {
    /// The client the balancer speaks for.
    Client(SocketAddr),
    /// The balancer itself, as in its health checks, or somebody without an IP address.
    Itself,
}

/// Reads the header; what follows it stays to be read.
///
/// # Errors
/// It is malformed, or the connection ends within it.
pub(super) async fn read(socket: &mut L4Stream) -> Result<Introduced, Refusal> {
    let mut seen = Vec::with_capacity(LONGEST_TEXT);
    loop {
        if let Some((introduced, length)) = parse(&seen)? {
            socket.rewind(seen.get(length..).unwrap_or_default());
            return Ok(introduced);
        }
        match socket.read_buf(&mut seen).await {
            Ok(0) if seen.is_empty() => return Err(Refusal::Gone),
            Ok(0) | Err(_) => return Err(Refusal::ProxyHeader),
            Ok(_) => {}
        }
    }
}

/// The header at the start of `bytes` and its length; nothing while it may still become one.
fn parse(bytes: &[u8]) -> Result<Option<(Introduced, usize)>, Refusal> {
    if begins_alike(bytes, TEXT) {
        parse_text(bytes)
    } else if begins_alike(bytes, SIGNATURE) {
        parse_binary(bytes)
    } else {
        Err(Refusal::ProxyHeader)
    }
}

/// Whether as much as there is of one is how the other begins.
fn begins_alike(bytes: &[u8], expected: &[u8]) -> bool {
    bytes.iter().zip(expected).all(|(one, other)| one == other)
}

fn parse_text(bytes: &[u8]) -> Result<Option<(Introduced, usize)>, Refusal> {
    let line = bytes.get(..LONGEST_TEXT.min(bytes.len())).unwrap_or_default();
    let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < LONGEST_TEXT { Ok(None) } else { Err(Refusal::ProxyHeader) };
    };
    let line = line.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.and_then(|line| std::str::from_utf8(line).ok()).ok_or(Refusal::ProxyHeader)?;
    let introduced = introduced_by_line(line).ok_or(Refusal::ProxyHeader)?;
    Ok(Some((introduced, end + 1)))
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 51234 443`, or `PROXY UNKNOWN` and anything.
fn introduced_by_line(line: &str) -> Option<Introduced> {
    let line = line.strip_prefix("PROXY ")?;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(Introduced::Itself);
    }
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let (family, from, to, port, to_port) = (next()?, next()?, next()?, next()?, next()?);
    let (from, to): (IpAddr, IpAddr) = match family {
        "TCP4" => (from.parse::<Ipv4Addr>().ok()?.into(), to.parse::<Ipv4Addr>().ok()?.into()),
        "TCP6" => (from.parse::<Ipv6Addr>().ok()?.into(), to.parse::<Ipv6Addr>().ok()?.into()),
        _ => return None,
    };
    let _ = (to, decimal(to_port)?);
    fields.next().is_none().then_some(Introduced::Client(SocketAddr::new(from, decimal(port)?)))
}

/// A port without sign or leading zeros.
fn decimal(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

fn parse_binary(bytes: &[u8]) -> Result<Option<(Introduced, usize)>, Refusal> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else { return Ok(None) };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED + length > LONGEST {
        return Err(Refusal::ProxyHeader);
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let introduced = match (command, family) {
        // What a health check says of addresses does not matter, and nobody has one in the family "unspecified".
        (0x20, _) | (0x21, 0x00) => Introduced::Itself,
        (0x21, 0x11) => Introduced::Client(ipv4(body).ok_or(Refusal::ProxyHeader)?),
        (0x21, 0x21) => Introduced::Client(ipv6(body).ok_or(Refusal::ProxyHeader)?),
        // A Unix socket: two paths of 108 bytes.
        (0x21, 0x31) if length >= 216 => Introduced::Itself,
        _ => return Err(Refusal::ProxyHeader),
    };
    Ok(Some((introduced, FIXED + length)))
}

/// Source address, destination address, source port, destination port.
fn ipv4(body: &[u8]) -> Option<SocketAddr> {
    let (from, rest) = body.split_first_chunk::<4>()?;
    let (_to, rest) = rest.split_first_chunk::<4>()?;
    let ports = rest.first_chunk::<4>()?;
    Some(SocketAddr::new(Ipv4Addr::from(*from).into(), u16::from_be_bytes([ports[0], ports[1]])))
}

fn ipv6(body: &[u8]) -> Option<SocketAddr> {
    let (from, rest) = body.split_first_chunk::<16>()?;
    let (_to, rest) = rest.split_first_chunk::<16>()?;
    let ports = rest.first_chunk::<4>()?;
    Some(SocketAddr::new(Ipv6Addr::from(*from).into(), u16::from_be_bytes([ports[0], ports[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Introduced {
        Introduced::Client(text.parse().unwrap())
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, body].concat()
    }

    const FOUR: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0xc8, 0x22, 0x01, 0xbb];

    fn good() -> Vec<(Vec<u8>, Introduced)> {
        let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0, 80, 0, 81]].concat();
        let with_extras = [&FOUR[..], &[0x04, 0, 2, 0, 0]].concat();
        vec![
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\r\n".to_vec(), client("192.0.2.1:51234")),
            (b"PROXY TCP6 2001:db8::1 ::1 80 81\r\n".to_vec(), client("[2001:db8::1]:80")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Introduced::Itself),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), Introduced::Itself),
            (binary(0x21, 0x11, &FOUR), client("192.0.2.1:51234")),
            (binary(0x21, 0x11, &with_extras), client("192.0.2.1:51234")),
            (binary(0x21, 0x21, &six), client("[2001:db8::1]:80")),
            (binary(0x21, 0x31, &[7; 216]), Introduced::Itself),
            (binary(0x21, 0x00, &[]), Introduced::Itself),
            (binary(0x20, 0x11, &FOUR), Introduced::Itself),
        ]
    }

    #[test]
    fn a_header_is_understood_wherever_it_is_split_and_whatever_follows() {
        for (bytes, expected) in good() {
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
            }
            let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&followed), Ok(Some((expected, bytes.len()))), "{bytes:?}");
        }
    }

    #[test]
    fn whatever_else_is_refused() {
        let lines = [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 051234 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        ];
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_TEXT));
        let binaries = [
            binary(0x11, 0x11, &FOUR),
            binary(0x22, 0x11, &FOUR),
            binary(0x21, 0x12, &FOUR),
            binary(0x21, 0x11, &FOUR[..11]),
            binary(0x21, 0x21, &[0; 35]),
            binary(0x21, 0x31, &[0; 215]),
            binary(0x21, 0x11, &[0; LONGEST]),
        ];
        let texts = lines.iter().map(|line| line.as_bytes().to_vec()).chain([long.into_bytes()]);
        for bytes in texts.chain(binaries) {
            assert_eq!(parse(&bytes), Err(Refusal::ProxyHeader), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
