//! What TLS to a pool's backends needs, parsed once and kept for as long as the pool's settings stay the same.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::{HttpPeer, Scheme};
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use pingora::{Error, ErrorType, Result};

use crate::config::{PemFile, Tls};
use crate::upstream::Pool;

/// The credentials of all pools with TLS, by the pool's name.
#[derive(Debug, Clone, Default)]
pub(super) struct Vault(Arc<RwLock<HashMap<Arc<str>, Arc<Credentials>>>>);

/// What TLS to the backends of one pool needs.
#[derive(Debug)]
struct Credentials {
    settings: Tls,
    authorities: Option<Arc<CaType>>,
    identity: Option<Arc<CertKey>>,
    /// Tells connections made under other settings apart: Pingora would reuse them whatever the authorities.
    generation: u64,
}

impl Vault {
    /// Makes connections of the peer secure, if its pool says so.
    ///
    /// # Errors
    /// A certificate cannot be used; the configuration check refuses most of those before.
    pub(super) fn secure(&self, peer: &mut HttpPeer, pool: &Pool) -> Result<()> {
        let Some(settings) = &pool.settings.tls else { return Ok(()) };
        let credentials = self.of(&pool.name, settings)?;
        peer.scheme = Scheme::HTTPS;
        // Never empty, or Pingora would verify nothing: its type sees to it.
        peer.sni = settings.sni.as_str().to_owned();
        peer.options.ca.clone_from(&credentials.authorities);
        peer.client_cert_key.clone_from(&credentials.identity);
        peer.group_key = credentials.generation;
        Ok(())
    }

    fn of(&self, pool: &Arc<str>, settings: &Tls) -> Result<Arc<Credentials>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(pool).cloned();
        if let Some(known) = known.filter(|known| known.settings == *settings) {
            return Ok(known);
        }
        let made = Arc::new(Credentials::new(pool, settings)?);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(pool.clone(), made.clone());
        Ok(made)
    }
}

impl Credentials {
    fn new(pool: &str, settings: &Tls) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        (pool, settings).hash(&mut hasher);
        let identity = match (&settings.client_cert, &settings.client_key) {
            (Some(chain), Some(key)) => Some(Arc::new(identity(chain, key)?)),
            (None, _) | (_, None) => None,
        };
        Ok(Self {
            settings: settings.clone(),
            authorities: settings.ca.as_ref().map(authorities).transpose()?,
            identity,
            generation: hasher.finish(),
        })
    }
}

fn authorities(file: &PemFile) -> Result<Arc<CaType>> {
    let found = certificates(file)?.into_iter().map(|der| WrappedX509::new(der, parse_x509));
    Ok(found.collect::<Vec<_>>().into())
}

fn identity(chain: &PemFile, key: &PemFile) -> Result<CertKey> {
    let key = key.private_key().map_err(|why| Error::explain(ErrorType::InvalidCert, why))?;
    Ok(CertKey::new(certificates(chain)?, key.secret_der().to_vec()))
}

/// The certificates of a file. Pingora panics on those it cannot parse.
fn certificates(file: &PemFile) -> Result<Vec<Vec<u8>>> {
    let found = file.certificates().map_err(|why| Error::explain(ErrorType::InvalidCert, why))?;
    for certificate in &found {
        x509_parser::parse_x509_certificate(certificate).map_err(|error| {
            Error::because(ErrorType::InvalidCert, format!("a certificate in {file}"), error)
        })?;
    }
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}
