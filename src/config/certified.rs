//! What the certificates of a listener must be to serve: whole, of use with their keys, and for known hosts.
//! The configuration check and the listener ask the same questions here.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore};
use x509_parser::extensions::GeneralName;

use super::settings::{Identity, ListenerTls};

/// A certificate with its key, and the hosts it is for, in lower case; `*.example` stands for one label.
#[derive(Debug)]
pub struct Certified {
    /// What is shown and signed with.
    pub key: Arc<CertifiedKey>,
    /// The host names of its subject.
    pub hosts: Vec<String>,
}

/// What is wrong, and with which of the two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// With that of the certificate.
    Certificate(String),
    /// With that of the key.
    Key(String),
}

impl Flaw {
    /// What is wrong, with the name of the file.
    pub fn message(&self) -> &str {
        match self {
            Self::Certificate(message) | Self::Key(message) => message,
        }
    }
}

impl Identity {
    /// Puts the certificate and its key together.
    ///
    /// # Errors
    /// One of the files does not hold what it should, or they do not belong together.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else rustls may say is about the key")]
    pub fn certified(&self) -> Result<Certified, Flaw> {
        let chain = self.cert.certificates().map_err(Flaw::Certificate)?;
        let broken = || Flaw::Certificate(format!("{} holds what is no certificate", self.cert));
        let hosts = chain.first().and_then(|first| hosts(first)).ok_or_else(broken)?;
        let key = self.key.private_key().map_err(Flaw::Key)?;
        let together = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let key = together.map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                Flaw::Key(format!("{} is not the private key of the certificate in {}", self.key, self.cert))
            }
            Error::InvalidCertificate(_) => broken(),
            error => Flaw::Key(format!("{} cannot be used with {}: {error}", self.key, self.cert)),
        })?;
        Ok(Certified { key: Arc::new(key), hosts })
    }
}

impl ListenerTls {
    /// Who verifies the certificates of clients, where they must show one.
    ///
    /// # Errors
    /// The file of authorities does not hold any that could be used.
    pub fn client_verifier(&self) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let Some(file) = &self.client_ca else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in file.certificates()? {
            let added = roots.add(certificate);
            added.map_err(|error| format!("{file} holds what is no authority: {error}"))?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        verifier.map(|verifier| Some(verifier as _)).map_err(|error| format!("{file}: {error}"))
    }
}

/// The hosts a certificate is for. The common name says nothing: no client of today goes by it (RFC 9525 section 2).
fn hosts(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    let mut hosts = Vec::new();
    for name in names {
        if let GeneralName::DNSName(host) = name {
            hosts.push(host.to_ascii_lowercase());
        }
    }
    Some(hosts)
}
