//! How connections are made, from the settings: which servers, TLS, deadlines, pauses between tries.

use std::sync::Arc;
use std::time::Duration;

use fred::types::Builder;
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, ReconnectPolicy, Server, ServerConfig, TlsConnector,
    UnresponsiveConfig,
};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{Redis, RedisMode, RedisTls};
use crate::error::{Error, Result};

/// To open a connection, with TLS and the login.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that owes an answer for so long is opened anew.
const SILENCE: Duration = Duration::from_secs(2);
/// Least and longest pause between two tries to connect, and the chance in it, in milliseconds.
const PAUSES: (u32, u32, u32) = (100, 2_000, 200);
/// Messages of subscriptions that may wait to be handled; older ones are lost then, which is told.
const WAITING_MESSAGES: usize = 4_096;

/// What makes clients of these settings.
///
/// # Errors
/// The authorities cannot be read.
pub(super) fn builder(settings: &Redis) -> Result<Builder> {
    let config = Config {
        // Else it would give up when Redis is not there at start.
        fail_fast: false,
        username: settings.username.clone(),
        password: settings.password.as_ref().map(|password| password.expose().to_owned()),
        server: server(settings),
        tls: settings.tls.as_ref().map(connector).transpose()?.map(Into::into),
        ..Config::default()
    };
    let (least, longest, jitter) = PAUSES;
    let mut policy = ReconnectPolicy::new_exponential(0, least, longest, 2);
    policy.set_jitter(jitter);
    let timeout = settings.command_timeout.get();
    let mut builder = Builder::from_config(config);
    builder.set_policy(policy).set_connection_config(ConnectionConfig {
        connection_timeout: CONNECT,
        internal_command_timeout: CONNECT,
        // A command that may have been done is not sent again.
        max_command_attempts: 1,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(SILENCE.max(timeout * 2)),
            interval: SILENCE / 4,
        },
        reconnect_on_auth_error: true,
        ..ConnectionConfig::default()
    });
    builder.with_performance_config(|performance| {
        performance.default_command_timeout = timeout;
        performance.broadcast_channel_capacity = WAITING_MESSAGES;
    });
    Ok(builder)
}

fn server(settings: &Redis) -> ServerConfig {
    let hosts: Vec<Server> = settings.urls.iter().map(|url| Server::new(url.host(), url.port())).collect();
    match settings.mode {
        RedisMode::Single => match hosts.into_iter().next() {
            Some(server) => ServerConfig::Centralized { server },
            // The schema asks for one.
            None => ServerConfig::default_centralized(),
        },
        RedisMode::Cluster => ServerConfig::Clustered { hosts, policy: ClusterDiscoveryPolicy::default() },
        RedisMode::Sentinel => ServerConfig::Sentinel {
            hosts,
            service_name: settings.master.clone().unwrap_or_default(),
            username: settings.username.clone(),
            password: settings.password.as_ref().map(|password| password.expose().to_owned()),
        },
    }
}

fn connector(tls: &RedisTls) -> Result<TlsConnector> {
    let failed = |why: String| Error::internal("prepare TLS to Redis").caused_by(why);
    let Some(file) = &tls.ca else {
        return TlsConnector::default_rustls().map_err(|error| failed(error.to_string()));
    };
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates().map_err(failed)? {
        roots.add(certificate).map_err(|error| failed(format!("{file}: {error}")))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth().into())
}
