//! TLS of a listener: handshakes with the certificates that were loaded last, and an eye on their files.
//! Files that cannot serve change nothing: what was loaded before goes on.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::TlsStream;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use tokio::time::{MissedTickBehavior, interval};

use super::hosts::ByHost;
use super::refusal::Refusal;
use crate::config::{Flaw, ListenerTls, PemFile, TlsVersion};
use crate::error::{Error, Kind, Result};
use crate::telemetry::ListenerConnections;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// TLS of one listener.
pub(in crate::edge) struct Tls {
    settings: ListenerTls,
    acceptor: ArcSwap<Acceptor>,
    counts: ListenerConnections,
}

impl Tls {
    /// With the certificates that were read with the settings.
    ///
    /// # Errors
    /// They cannot serve; the check of the configuration refuses those before.
    pub(in crate::edge) fn new(settings: &ListenerTls, counts: ListenerConnections) -> Result<Arc<Self>> {
        let acceptor = acceptor(settings).map_err(|why| {
            let doing = format!("load the certificates of listener `{}`", counts.listener());
            Error::new(Kind::Invalid, doing).caused_by(why)
        })?;
        counts.certificates_are_fresh();
        let acceptor = ArcSwap::from_pointee(acceptor);
        Ok(Arc::new(Self { settings: settings.clone(), acceptor, counts }))
    }

    /// Begins a connection.
    ///
    /// # Errors
    /// The client and we could not agree, or it did not show a certificate it must show.
    pub(super) async fn begin(&self, socket: L4Stream) -> Result<TlsStream<L4Stream>, Refusal> {
        let handshake = self.acceptor.load_full();
        handshake.tls_handshake(socket).await.map_err(|error| {
            tracing::debug!(listener = self.counts.listener(), %error, "TLS handshake failed");
            Refusal::TlsHandshake
        })
    }

    /// Takes over what changes in the files. Never ends.
    pub(in crate::edge) async fn watch(self: Arc<Self>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = Ok(self.settings.clone());
        loop {
            looks.tick().await;
            let settings = self.settings.clone();
            let Ok(found) = tokio::task::spawn_blocking(move || read_again(&settings)).await else { return };
            if found != known {
                self.change(&found);
                known = found;
            }
        }
    }

    fn change(&self, found: &Result<ListenerTls, String>) {
        let listener = self.counts.listener();
        match found.as_ref().map_err(String::clone).and_then(acceptor) {
            Ok(acceptor) => {
                self.acceptor.store(Arc::new(acceptor));
                self.counts.certificates_taken();
                tracing::info!(listener, "certificates changed: new connections are shown the new ones");
            }
            Err(reason) => {
                self.counts.certificates_refused();
                tracing::error!(
                    listener,
                    reason,
                    "certificates changed but cannot serve: the old ones are kept"
                );
            }
        }
    }
}

/// The same settings with what their files hold now.
fn read_again(settings: &ListenerTls) -> Result<ListenerTls, String> {
    let read = |file: &PemFile| file.to_string().parse::<PemFile>();
    let mut now = settings.clone();
    let further = now.certificates.iter_mut().flat_map(|it| [&mut it.cert, &mut it.key]);
    for file in [&mut now.cert, &mut now.key].into_iter().chain(further).chain(&mut now.client_ca) {
        *file = read(file)?;
    }
    Ok(now)
}

fn acceptor(settings: &ListenerTls) -> Result<Acceptor, String> {
    let mut by_host = ByHost::default();
    for identity in settings.identities() {
        by_host.add(identity.certified().map_err(|flaw: Flaw| flaw.message().to_owned())?);
    }
    let failed = |error: rustls::Error| error.to_string();
    let versions = match settings.min_version {
        TlsVersion::V1_2 => &[&TLS13, &TLS12][..],
        TlsVersion::V1_3 => &[&TLS13][..],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).map_err(failed)?;
    let builder = match settings.client_verifier()? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(by_host));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Clients that come back bring what is needed to go on; the keys of that change with the certificates.
    config.ticketer = ring::Ticketer::new().map_err(failed)?;
    Ok(Acceptor::from_server_config(Arc::new(config)))
}
