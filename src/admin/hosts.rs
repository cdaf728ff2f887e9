//! The names the admin API answers to. A web page that rebinds its own name to this address (DNS rebinding) is
//! turned away by it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::Admin;
use crate::error::Kind;
use crate::http::Problem;

/// The names it answers to.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Arc<[String]>);

impl Hosts {
    pub(super) fn new(settings: &Admin) -> Self {
        Self(settings.hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// A page cannot be served under a literal address other than its own, so all of those are taken.
    fn allow(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || literal.parse::<IpAddr>().is_ok() || self.0.contains(&name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Lets a request through that was sent to a known name.
pub(super) async fn require(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = sent.or_else(|| request.uri().host()).map(str::to_owned);
    if host.as_deref().is_some_and(|host| hosts.allow(host)) {
        return next.run(request).await;
    }
    let detail = "the admin API is not known by this name; `admin.hosts` lists further ones";
    Problem::new(Kind::Forbidden, detail).with_code("unknown_host").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_and_literal_addresses_are_taken() {
        let hosts = Hosts(["Gateway.Internal".to_ascii_lowercase()].into());
        for host in ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "[::1]:9090", "gateway.internal:9090"] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9090", "9090"] {
            assert!(!hosts.allow(host), "{host}");
        }
    }
}
