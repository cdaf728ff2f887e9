//! What is asked: a request, as far as it decides about itself.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::http::Connection;

/// A request to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The method.
    pub method: String,
    /// A URL, or a path alone.
    pub url: String,
    /// Headers as `name: value`.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Where it comes from. Absent: from this machine.
    #[serde(default)]
    pub client: Option<IpAddr>,
}

impl Question {
    /// Adds a caller's token.
    pub fn bear(&mut self, token: &str) {
        self.headers.push(format!("authorization: Bearer {token}"));
    }

    /// The head of the request.
    ///
    /// # Errors
    /// The method, the URL or a header is none.
    pub(super) fn head(&self) -> Result<Parts> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| wrong("method", &self.method))?;
        let url: Uri = self.url.parse().map_err(|_| wrong("URL", &self.url))?;
        let target = url.path_and_query().map_or("/", |target| target.as_str());
        if !target.starts_with('/') {
            return Err(wrong("URL", &self.url));
        }
        let request = Request::builder().method(method).uri(target).body(());
        let (mut head, ()) = request.map_err(|_| wrong("URL", &self.url))?.into_parts();
        for line in &self.headers {
            let pair = line.split_once(':').and_then(|(name, value)| {
                let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            });
            let (name, value) = pair.ok_or_else(|| wrong("header", line))?;
            head.headers.append(name, value);
        }
        if !head.headers.contains_key(header::HOST) {
            let host = url.authority().map_or("localhost", |host| host.as_str());
            head.headers.extend(HeaderValue::from_str(host).ok().map(|host| (header::HOST, host)));
        }
        Ok(head)
    }

    pub(super) fn connection(&self) -> Connection {
        let client = self.client.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let is_tls = self.url.starts_with("https:");
        Connection { peer: Some(SocketAddr::from((client, 0))), is_tls }
    }
}

fn wrong(what: &str, text: &str) -> Error {
    Error::new(Kind::Invalid, format!("this is no {what}: {text:?}"))
}
