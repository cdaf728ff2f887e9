//! A client for the few documents the gateway fetches itself: one deadline for all of it, a limit on what is taken,
//! no redirects (they would lead elsewhere than the configuration says), no proxies from the environment.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header;
use reqwest::redirect::Policy;

use crate::error::{Error, Result};

/// A cheap handle on a client with connections of its own.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    most: usize,
}

impl Client {
    /// A client whose every request is over within a time, and that takes no answer larger than this many bytes.
    ///
    /// # Errors
    /// The platform's authorities cannot be read. A TLS provider must have been installed for the process.
    pub fn new(timeout: Duration, most: usize) -> Result<Self> {
        let builder = reqwest::Client::builder().timeout(timeout).redirect(Policy::none()).no_proxy();
        let client =
            builder.pool_max_idle_per_host(1).user_agent(concat!("olympus/", env!("CARGO_PKG_VERSION")));
        let inner =
            client.build().map_err(|error| Error::internal("make an HTTP client").caused_by(error))?;
        Ok(Self { inner, most })
    }

    /// Fetches a document of JSON.
    ///
    /// # Errors
    /// There is no answer in time, or none of 200, or it is too large.
    pub async fn get(&self, url: &str) -> Result<Bytes> {
        // The query may hold a secret.
        let place = url.split(['?', '#']).next().unwrap_or_default();
        let failed =
            |error: reqwest::Error| Error::internal(format!("fetch {place}")).caused_by(error.without_url());
        let request = self.inner.get(url).header(header::ACCEPT, "application/json");
        let mut answer = request.send().await.map_err(failed)?;
        if answer.status() != http::StatusCode::OK {
            return Err(Error::internal(format!("fetch {place}: it was answered with {}", answer.status())));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > self.most {
                return Err(Error::internal(format!(
                    "fetch {place}: more than the {} bytes taken",
                    self.most
                )));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}
