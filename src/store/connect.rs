//! Connections: where the server is, who connects, and TLS.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure;
use crate::config::{self, PostgresTls, Secret};
use crate::error::{Error, Kind, Result};
use crate::tasks::Lifecycle;

/// Silence after which a connection is asked whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The server and how to reach it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) requests: Config,
    owner: Config,
    pub(super) tls: Tls,
    pub(super) connect_timeout: Duration,
}

/// Whether connections are encrypted.
#[derive(Clone)]
pub(super) enum Tls {
    Off,
    Verified(MakeRustlsConnect),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Verified(_) => "Verified",
        })
    }
}

impl Server {
    /// # Errors
    /// A URL or a file of authorities cannot be used.
    pub(super) fn new(settings: &config::Postgres) -> Result<Self> {
        let parse = |key, url| parse(key, url, settings);
        Ok(Self {
            requests: parse("postgres.url", &settings.url)?,
            owner: parse("postgres.owner_url", settings.owner())?,
            tls: settings.tls.as_ref().map_or(Ok(Tls::Off), verified)?,
            connect_timeout: settings.connect_timeout.get(),
        })
    }

    /// A connection of its own, as the role that serves requests.
    pub(super) async fn connect(&self, lifecycle: &Lifecycle) -> Result<Client> {
        self.open(&self.requests, lifecycle).await
    }

    /// A connection of its own, as the role that owns the tables.
    pub(super) async fn connect_as_owner(&self, lifecycle: &Lifecycle) -> Result<Client> {
        self.open(&self.owner, lifecycle).await
    }

    async fn open(&self, config: &Config, lifecycle: &Lifecycle) -> Result<Client> {
        let doing = "connect to Postgres";
        let late = |_| {
            Error::new(Kind::Unavailable, format!("{doing}: no answer within {:?}", self.connect_timeout))
        };
        let opening = async {
            Ok::<Client, tokio_postgres::Error>(match &self.tls {
                Tls::Off => {
                    let (client, connection) = config.connect(NoTls).await?;
                    lifecycle.spawn("connection to Postgres", async { drop(connection.await) });
                    client
                }
                Tls::Verified(tls) => {
                    let (client, connection) = config.connect(tls.clone()).await?;
                    lifecycle.spawn("connection to Postgres", async { drop(connection.await) });
                    client
                }
            })
        };
        let opened = tokio::time::timeout(self.connect_timeout, opening).await.map_err(late)?;
        opened.map_err(|error| failure::unavailable(doing, error))
    }
}

fn parse(key: &str, url: &Secret, settings: &config::Postgres) -> Result<Config> {
    // The parser's error names what is wrong and never shows the password.
    let parsed = url.expose().parse::<Config>();
    let mut config = parsed.map_err(|error| {
        Error::new(Kind::Invalid, format!("{key} is no URL of a database")).caused_by(error)
    })?;
    config
        .connect_timeout(settings.connect_timeout.get())
        .application_name("olympus")
        .keepalives_idle(KEEPALIVE);
    config.ssl_mode(match settings.tls {
        Some(_) => tokio_postgres::config::SslMode::Require,
        None => tokio_postgres::config::SslMode::Disable,
    });
    Ok(config)
}

fn verified(settings: &PostgresTls) -> Result<Tls> {
    let mut authorities = RootCertStore::empty();
    let doing = "read the authorities of Postgres (postgres.tls)";
    match &settings.ca {
        Some(file) => {
            for certificate in file.certificates().map_err(Error::internal)? {
                authorities.add(certificate).map_err(|error| Error::internal(doing).caused_by(error))?;
            }
        }
        None => {
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::internal(doing).caused_by(error))?;
    let config = builder.with_root_certificates(authorities).with_no_client_auth();
    Ok(Tls::Verified(MakeRustlsConnect::new(config)))
}
