//! TLS and protocol of a pool: what must stand together, and whether certificates and keys can be used.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, Error, RootCertStore};

use crate::config::check::findings::Report;
use crate::config::settings::{Protocol, Tls, Upstream};
use crate::config::tree::at_key;
use crate::config::values::PemFile;

pub(super) fn check(upstream: &Upstream, path: &str, report: &mut Report<'_>) {
    let table = at_key(path, "tls");
    match &upstream.tls {
        Some(tls) => check_tls(tls, &table, report),
        None if upstream.protocol == Protocol::Auto => {
            let message = "which HTTP a backend speaks is agreed on in the TLS handshake, and there is no `tls` \
                           table; without TLS say \"http1\" or \"h2\"";
            report.mistake_given(&at_key(path, "protocol"), &[&table], message);
        }
        None => {}
    }
}

fn check_tls(tls: &Tls, path: &str, report: &mut Report<'_>) {
    if let Some(Err(why)) = tls.ca.as_ref().map(authorities) {
        report.mistake(&at_key(path, "ca"), why);
    }
    let (cert, key) = (at_key(path, "client_cert"), at_key(path, "client_key"));
    match (&tls.client_cert, &tls.client_key) {
        (Some(_), None) => {
            report.mistake_given(
                &cert,
                &[&key],
                "a certificate is shown with its private key: set `client_key` too",
            );
        }
        (None, Some(_)) => {
            report.mistake_given(&key, &[&cert], "a private key alone proves nothing: set `client_cert` too");
        }
        (Some(chain), Some(secret)) => check_identity((chain, &cert), (secret, &key), report),
        (None, None) => {}
    }
}

/// Whether a file holds authorities that can be used.
pub(super) fn authorities(file: &PemFile) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots.add(certificate).map_err(|_| format!("{file} holds a damaged certificate"))?;
    }
    Ok(())
}

fn check_identity(
    (cert, cert_path): (&PemFile, &str),
    (key, key_path): (&PemFile, &str),
    report: &mut Report<'_>,
) {
    let (chain, secret) = (cert.certificates(), key.private_key());
    if let Err(why) = &chain {
        report.mistake(cert_path, why);
    }
    if let Err(why) = &secret {
        report.mistake(key_path, why);
    }
    let (Ok(chain), Ok(secret)) = (chain, secret) else { return };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let whole = builder.with_safe_default_protocol_versions().and_then(|builder| {
        builder.with_root_certificates(RootCertStore::empty()).with_client_auth_cert(chain, secret)
    });
    match whole {
        Ok(_) => {}
        Err(Error::InconsistentKeys(_)) => {
            let message = format!("{key} is not the private key of the certificate in {cert}");
            report.mistake_given(key_path, &[cert_path], message);
        }
        Err(error) => {
            report.mistake_given(key_path, &[cert_path], format!("cannot be used with {cert}: {error}"))
        }
    }
}
