//! Certificates and private keys in files. A file is read when the configuration is, and its text is part of the
//! setting: a file that changed makes another setting.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::regular;

/// A file in PEM. It prints as its path and never shows what it holds.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "pem-file", "examples" = ["tls/ca.pem"]))]
pub struct PemFile {
    path: Arc<str>,
    bytes: Arc<[u8]>,
}

impl PemFile {
    /// Its text as it was read, for those who parse it themselves.
    pub fn pem(&self) -> &[u8] {
        &self.bytes
    }

    /// Its certificates, the first of a chain first. At least one.
    ///
    /// # Errors
    /// What is wrong with the file, with its name.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match found {
            Ok(certificates) if certificates.is_empty() => Err(format!("{} holds no certificate", self.path)),
            Ok(certificates) => Ok(certificates),
            Err(_) => Err(format!("{} holds PEM that is cut off or damaged", self.path)),
        }
    }

    /// Its private key.
    ///
    /// # Errors
    /// What is wrong with the file, with its name.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(&self.bytes)
            .map_err(|_| format!("{} holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)", self.path))
    }

    /// The text of its public key, in PEM.
    ///
    /// # Errors
    /// What is wrong with the file, with its name.
    pub fn public_key(&self) -> Result<&[u8], String> {
        SubjectPublicKeyInfoDer::from_pem_slice(&self.bytes)
            .map_err(|_| format!("{} holds no public key in PEM (`BEGIN PUBLIC KEY`)", self.path))?;
        Ok(&self.bytes)
    }

    /// What it holds, for whoever reads its private key.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for PemFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = regular::read(Path::new(text))?;
        Ok(Self { path: text.into(), bytes: bytes.into() })
    }
}

impl fmt::Display for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}

impl TryFrom<String> for PemFile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PemFile> for String {
    fn from(file: PemFile) -> Self {
        file.path.as_ref().to_owned()
    }
}
