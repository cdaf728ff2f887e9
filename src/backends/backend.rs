//! One pool as the gateway's own calls see it: its endpoints, each with a client that keeps connections.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;

use crate::config::{Address, Secret};
use crate::error::{Error, Result};
use crate::http::{Call, ExchangeClient};
use crate::telemetry::Metrics;
use crate::upstream::Pool;

/// A pool that the gateway calls.
#[derive(Debug, Clone)]
pub struct Backend {
    pub(super) pool: Arc<Pool>,
    pub(super) metrics: Arc<Metrics>,
    clients: Arc<HashMap<Address, ExchangeClient>>,
}

/// What is asked of a backend.
#[derive(Debug)]
pub struct Request {
    pub(super) call: Call,
    /// Whether it may be repeated after the backend may have acted on it.
    pub(super) is_repeatable: bool,
    /// The largest answer that is taken, in bytes.
    pub(super) most: usize,
}

/// Answers are documents about one thing each.
const MOST: usize = 64 << 10;

impl Backend {
    /// Makes a client for each endpoint. `JSON` goes both ways.
    ///
    /// # Errors
    /// The pool is one that the gateway cannot call, see [`ExchangeClient::new`].
    pub fn new(pool: Arc<Pool>, metrics: Arc<Metrics>) -> Result<Self> {
        let clients = pool.endpoints().iter().map(|endpoint| {
            let client = ExchangeClient::new(&pool.name, &pool.settings, &endpoint.address)?;
            Ok((endpoint.address.clone(), client))
        });
        let clients: Result<HashMap<_, _>> = clients.collect();
        Ok(Self { clients: Arc::new(clients?), pool, metrics })
    }

    /// The same for the pool as a reload left it. One that did not change keeps its connections.
    ///
    /// # Errors
    /// Those of [`Backend::new`].
    pub fn renewed(&self, pool: &Arc<Pool>) -> Result<Self> {
        match Arc::ptr_eq(&self.pool, pool) {
            true => Ok(self.clone()),
            false => Self::new(pool.clone(), self.metrics.clone()),
        }
    }

    pub(super) fn client(&self, address: &Address) -> Result<&ExchangeClient> {
        let missing =
            || Error::internal(format!("call upstream `{}`: no client for {address}", self.pool.name));
        self.clients.get(address).ok_or_else(missing)
    }
}

impl Request {
    /// A request that is repeatable as far as its method is (RFC 9110 section 9.2.2).
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        let is_repeatable = method.is_idempotent();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let call = Call { method, target: target.into(), headers, body: Bytes::new() };
        Self { call, is_repeatable, most: MOST }
    }

    /// The same with a document as its body.
    ///
    /// # Errors
    /// The document cannot be written as JSON.
    pub fn with_json(mut self, document: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(document);
        self.call.body =
            body.map_err(|error| Error::internal("write a call's body").caused_by(error))?.into();
        self.call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// The same with a token that says that a service asks.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn with_token(mut self, token: &Secret) -> Result<Self> {
        let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
        let mut value = value.map_err(|_| Error::internal("write a service token into a header"))?;
        value.set_sensitive(true);
        self.call.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// The same, known to change nothing although its method might.
    #[must_use]
    pub fn repeatable(self) -> Self {
        Self { is_repeatable: true, ..self }
    }
}
