//! One HTTP/1.1 connection, byte by byte: for requests no client library would send, and answers none would show.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::http::Answer;
use super::process::PATIENCE;

/// A connection. Reads give up after [`PATIENCE`].
#[derive(Debug)]
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects.
    pub fn to(address: SocketAddr) -> Self {
        Self::over(
            TcpStream::connect(address).unwrap_or_else(|error| panic!("connect to {address}: {error}")),
        )
    }

    /// Talks over a connection there is.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// The same connection for another thread, to send and read at the same time.
    pub fn other_end(&self) -> Self {
        Self(BufReader::new(self.0.get_ref().try_clone().unwrap()))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the other side takes what is sent");
    }

    /// The same where the other side may have gone.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a request without a body, for the host `test`; `headers` are whole lines.
    pub fn ask(&mut self, method: &str, target: &str, headers: &[&str]) {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{lines}\r\n"));
    }

    /// Sends a GET and reads the whole answer.
    pub fn get(&mut self, target: &str, headers: &[&str]) -> Answer {
        self.ask("GET", target, headers);
        self.answer()
    }

    /// Sends a GET with this id for an answer that is to break off.
    pub fn ask_and_break(&mut self, target: &str, request_id: &str) -> io::Result<Answer> {
        self.ask("GET", target, &[&format!("x-request-id: {request_id}")]);
        self.try_answer()
    }

    /// Opens a WebSocket with this id: from then on the wire carries frames.
    pub fn open_socket(&mut self, target: &str, request_id: &str) {
        let id = format!("x-request-id: {request_id}");
        let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        let headers = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", key, &id];
        self.ask("GET", target, &headers);
        assert_eq!(self.head().status, 101);
    }

    /// The next answer, which must be whole.
    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("a whole answer")
    }

    /// The next answer to anything but HEAD; an error if it ends early.
    pub fn try_answer(&mut self) -> io::Result<Answer> {
        let (answer, body) = self.try_bytes()?;
        Ok(Answer { body: String::from_utf8_lossy(&body).into_owned(), ..answer })
    }

    /// The same with the bytes of its body.
    pub fn try_bytes(&mut self) -> io::Result<(Answer, Vec<u8>)> {
        let answer = self.try_head()?;
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == "chunked" {
            while let Some(chunk) = self.try_chunk()? {
                body.extend(chunk);
            }
        } else if let Ok(length) = answer.header("content-length").parse() {
            body.resize(length, 0);
            self.0.read_exact(&mut body)?;
        } else if answer.status >= 200 && ![204, 304].contains(&answer.status) {
            self.0.read_to_end(&mut body)?;
        }
        Ok((answer, body))
    }

    /// The next head alone.
    pub fn head(&mut self) -> Answer {
        self.try_head().expect("the head of an answer")
    }

    fn try_head(&mut self) -> io::Result<Answer> {
        let text = self.try_head_text()?;
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, text.clone()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Ok(Answer { status, headers, body: String::new() })
    }

    /// The lines of the next head, of a request or an answer, as they came.
    pub fn try_head_text(&mut self) -> io::Result<String> {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut text)? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, text));
            }
        }
        Ok(text.trim_end().to_owned())
    }

    /// The next chunk of a chunked body; nothing at its end.
    pub fn try_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut size = String::new();
        self.0.read_line(&mut size)?;
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else {
            return Err(Error::new(ErrorKind::UnexpectedEof, "no chunk"));
        };
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk)?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    /// The next chunk as text; fails the test where there is none.
    pub fn chunk(&mut self) -> String {
        let chunk = self.try_chunk().expect("a chunk").expect("the body goes on");
        String::from_utf8(chunk).unwrap()
    }

    /// Reads exactly so many bytes.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Everything until the other side ends the connection, in order or not.
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the connection was not ended"),
            Ok(_) | Err(_) => String::from_utf8_lossy(&rest).into_owned(),
        }
    }
}
