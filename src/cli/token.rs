//! `olympus token`: makes an access token for development, or a key to sign tokens with.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use clap::Args;
use uuid::Uuid;

use crate::config::{Algorithm, Loaded, Period};
use crate::identity::{Authenticator, Issuance, new_key};
use crate::model::TenantId;
use crate::telemetry::Tokens;

/// Whom the token is for, or where the key goes.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The tenant's id.
    #[arg(long, value_name = "UUID", required_unless_present = "new_key")]
    tenant: Option<Uuid>,
    /// Who it is within the tenant: the id of a user.
    #[arg(long, value_name = "ID", required_unless_present = "new_key")]
    subject: Option<String>,
    /// A role; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How long it is good for. Absent: `auth.access_ttl`.
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Period>,
    /// Make a key in this folder instead; it signs from the next reload on. No configuration is read.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["tenant", "subject", "roles", "ttl"])]
    new_key: Option<PathBuf>,
    /// Publish the new key, but do not sign with it before `.next` is taken out of its name.
    #[arg(long, requires = "new_key")]
    next: bool,
    /// Make a key on P-256 (ES256) instead of Ed25519 (EdDSA).
    #[arg(long, requires = "new_key")]
    es256: bool,
}

impl Asked {
    /// Where a key is asked for.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.new_key.as_deref()
    }
}

/// Prints a token.
pub(super) fn mint(loaded: &Loaded, asked: Asked) -> ExitCode {
    let (Some(tenant), Some(subject)) = (asked.tenant, asked.subject) else { return ExitCode::FAILURE };
    let (tenant, roles) = (TenantId::from(tenant), asked.roles);
    let grant = Issuance { tenant, subject, roles, scoped: Vec::new(), session: None };
    let identity = Authenticator::new(&loaded.settings, Tokens::default());
    match identity.and_then(|identity| identity.issue(&grant, asked.ttl, Utc::now())) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("olympus: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a key and prints the name of its file.
pub(super) fn make_key(folder: &Path, asked: &Asked) -> ExitCode {
    let algorithm = if asked.es256 { Algorithm::Es256 } else { Algorithm::EdDsa };
    let ending = if asked.next { "next.pem" } else { "pem" };
    // Names sort by time: the last one signs.
    let name = format!("{}.{ending}", Utc::now().format("%Y%m%dT%H%M%S%3fZ"));
    let path = folder.join(name);
    let made = new_key(algorithm).map_err(|error| error.to_string());
    match made
        .and_then(|pem| keep(folder, &path, &pem).map_err(|error| format!("{}: {error}", path.display())))
    {
        Ok(()) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("olympus: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Writes what only its owner may read; under its name only once it is whole.
fn keep(folder: &Path, path: &Path, pem: &str) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let half = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    fs::rename(half, path)
}
