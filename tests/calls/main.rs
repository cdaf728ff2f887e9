//! Calls that the gateway itself makes to backends: what is tried again, what is believed, and how long it takes.

#![cfg(test)]

mod auth;
mod commerce;
mod failing;
#[path = "../support/mod.rs"]
mod support;
mod transport;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use olympus_gateway::backends::{Account, Answer, Auth, Backend, Errand, Login, Request};
use olympus_gateway::config::{self, Secret};
use olympus_gateway::error::{Kind, Result};
use olympus_gateway::http::{RequestId, TraceContext};
use olympus_gateway::telemetry::{Telemetry, Traces};
use olympus_gateway::upstream::Pool;
use ureq::http::{HeaderMap, HeaderValue, Method};

/// Long enough for everything that should happen at once.
const SOON: Duration = Duration::from_secs(10);

const REQUEST_ID: &str = "call-of-the-tests";
const CLIENT: [u8; 4] = [203, 0, 113, 9];

/// A pool of these endpoints; `more` holds further keys.
fn pool(endpoints: &[String], more: &str) -> Arc<Pool> {
    let endpoints: Vec<_> = endpoints.iter().map(|it| format!("{{ address = \"{it}\" }}")).collect();
    let text = format!("endpoints = [{}]\nbalance = \"wrr\"\n{more}", endpoints.join(", "));
    let settings: config::Upstream = toml::from_str(&text).unwrap();
    Arc::new(Pool::new("auth", &settings, Instant::now()))
}

fn backend(pool: &Arc<Pool>) -> Result<Backend> {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = Telemetry::new(&config::Telemetry::default(), Traces::default()).unwrap().metrics;
    Backend::new(pool.clone(), metrics)
}

fn auth(endpoints: &[SocketAddr], more: &str) -> Auth {
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    Auth::new(backend(&pool(&endpoints, more)).unwrap(), secret("service-token-of-the-tests"))
}

fn secret(text: &str) -> Secret {
    text.parse().unwrap()
}

/// Does something on behalf of a request that has so long.
fn on_errand<T, F: Future<Output = T>>(limit: Duration, act: impl FnOnce(Errand<'static>) -> F) -> T {
    let id = RequestId::accept(&HeaderValue::from_static(REQUEST_ID)).unwrap();
    let trace = TraceContext::of(&HeaderMap::new());
    // For the length of a test.
    let (id, trace) = (Box::leak(Box::new(id)), Box::leak(Box::new(trace)));
    let errand = Errand { id, trace, client: Some(IpAddr::from(CLIENT)), by: Instant::now() + limit };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(act(errand))
}

fn log_in(auth: &Auth, limit: Duration, password: &str) -> Result<Option<Account>> {
    let password = secret(password);
    let login = Login { tenant: "acme", email: "admin@acme.example", password: &password };
    on_errand(limit, async |errand| auth.login(&errand, login).await)
}

fn introspect(auth: &Auth, limit: Duration, token: &str) -> Result<olympus_gateway::backends::Introspection> {
    let token = secret(token);
    on_errand(limit, async |errand| auth.introspect(&errand, &token).await)
}

/// Asks for the status and the body, whatever they are.
fn ask(backend: &Backend, method: Method) -> Result<(u16, String)> {
    let read = |answer: &Answer| Ok((answer.status, String::from_utf8(answer.body.to_vec()).unwrap()));
    on_errand(SOON, async |errand| backend.ask(&errand, Request::new(method, "/x"), read).await)
}

#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T>) -> Kind {
    result.expect_err("a refusal").kind()
}
