//! The running program through its sockets: what clients, backends and operators can rely on.

#![cfg(test)]

mod bodies;
mod checks;
mod command_line;
mod cors;
mod deadlines;
mod duration;
mod expect;
mod explaining;
mod explaining_cases;
mod failover;
mod framing;
mod headers;
mod http2;
mod http2_conformance;
mod identity;
mod learning;
mod leaving;
mod limits;
mod listener_guards;
mod listener_tls;
mod local;
mod operators;
mod paths;
mod proxy_protocol;
mod proxying;
mod reloading;
mod shutdown;
mod splitting;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod traces;
mod tunnels;
mod upgrading;
mod upstream_http2;
mod upstream_tls;

use std::net::SocketAddr;

use support::gateway::Gateway;
use support::process::Process;

/// An endpoint of a pool as it stands in the configuration.
fn endpoint(address: SocketAddr) -> String {
    format!("{{ address = \"{address}\" }}")
}

/// A pool `app` behind `/api`; `upstream` and `route` hold further keys of either.
fn app(endpoints: &[String], upstream: &str, route: &str) -> String {
    let endpoints = endpoints.join(", ");
    format!(
        r#"
[upstreams.app]
endpoints = [{endpoints}]
{upstream}
[routes.app]
path = "/api/{{*rest}}"
upstream = "app"
strip_prefix = "/api"
{route}
"#
    )
}

/// A gateway before one backend.
fn before(backend: SocketAddr, upstream: &str, route: &str) -> Gateway {
    Gateway::start(&app(&[endpoint(backend)], upstream, route))
}

fn commerce(name: &str) -> Process {
    Process::example("commerce", name, &[])
}
