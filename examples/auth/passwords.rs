//! Password rules and argon2id, off the async threads and a bounded number at a time.

use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::support::problem::Problem;

/// In bytes; the upper bound keeps a request from buying minutes of hashing.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1024;
/// How long a login waits for its turn before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// A password as it came in. It has no way to be printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(String);

/// Hashes and verifies; a cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// The hash of no password, verified when the user is unknown so that the answer takes as long.
    decoy: Arc<str>,
}

impl Password {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Refuses passwords that are too short to keep or too long to hash.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if LENGTH.contains(&self.0.len()) {
            return Ok(());
        }
        let detail = format!("the password must have from {} to {} bytes", LENGTH.start(), LENGTH.end());
        Err(Problem::invalid(detail))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

impl Passwords {
    pub(crate) fn new(memory_kib: u32) -> Result<Self, password_hash::Error> {
        let params = Params::new(memory_kib, 2, 1, None)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon, "no user has this password")?.into();
        let turns = available_parallelism().map_or(2, usize::from);
        Ok(Self { argon, turns: Arc::new(Semaphore::new(turns)), decoy })
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let (argon, turn) = (self.argon.clone(), self.turn().await?);
        let hashed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            hash(&argon, &password.0)
        });
        match hashed.await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(error)) => Err(Problem::internal("hash a password", &error)),
            Err(error) => Err(Problem::internal("hash a password", &error)),
        }
    }

    /// Whether the password belongs to `stored`; without one the work is done all the same, and the answer is no.
    pub(crate) async fn verify(&self, password: Password, stored: Option<String>) -> Result<bool, Problem> {
        let (known, decoy, turn) = (stored.is_some(), Arc::clone(&self.decoy), self.turn().await?);
        let argon = self.argon.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let against = PasswordHash::new(stored.as_deref().unwrap_or(&decoy))?;
            argon.verify_password(password.0.as_bytes(), &against)
        });
        match verified.await {
            Ok(Ok(())) => Ok(known),
            Ok(Err(password_hash::Error::Password)) => Ok(false),
            Ok(Err(error)) => Err(Problem::internal("verify a password", &error)),
            Err(error) => Err(Problem::internal("verify a password", &error)),
        }
    }

    /// One turn a core: each hash takes megabytes, and more at a time would only make all of them late.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let waited = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        match waited {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(closed)) => Err(Problem::internal("wait to hash", &closed)),
            Err(_) => {
                let detail = "too many logins at once, try again shortly";
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
                    .with("retry_after_seconds", PATIENCE.as_secs()))
            }
        }
    }
}

fn hash(argon: &Argon2<'_>, password: &str) -> Result<String, password_hash::Error> {
    let salt = SaltString::generate(&mut OsRng);
    Ok(argon.hash_password(password.as_bytes(), &salt)?.to_string())
}
