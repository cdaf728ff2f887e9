//! What sessions and orders go by under one configuration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::attempts::Attempts;
use crate::backends::{Auth, Errand};
use crate::config::{Period, SameSite, Settings};
use crate::domain::{Stock, Visit};
use crate::error::{Error, Kind, Result};
use crate::identity::Authenticator;

/// The configuration as sessions and orders see it.
#[derive(Debug)]
pub struct Terms {
    /// How cookies are made, if they are.
    pub cookie: Option<SameSite>,
    /// How stock is reserved.
    pub stock: Stock,
    pub(super) identity: Arc<Authenticator>,
    pub(super) attempts: Attempts,
    pub(super) access_ttl: TimeDelta,
    pub(super) refresh_ttl: TimeDelta,
    pub(super) grace: TimeDelta,
    auth: Option<Auth>,
    patience: Duration,
}

impl Terms {
    /// What these settings say, with who is believed under them, who checks passwords and who keeps stock.
    ///
    /// # Errors
    /// A time is longer than can be counted.
    pub fn new(
        settings: &Settings,
        identity: Arc<Authenticator>,
        auth: Option<Auth>,
        stock: Stock,
    ) -> Result<Self> {
        let own = &settings.auth;
        let access_ttl = delta(own.access_ttl)?;
        Ok(Self {
            cookie: own.cookie.as_ref().map(|cookie| cookie.same_site),
            attempts: Attempts::new(&own.attempts),
            access_ttl,
            refresh_ttl: delta(own.refresh_ttl)?,
            grace: delta(own.refresh_grace)?,
            patience: settings.backends.auth.as_ref().map_or(Duration::ZERO, |auth| auth.timeout.get()),
            identity,
            auth,
            stock,
        })
    }

    /// Who checks passwords, for the terms that follow these.
    pub fn auth(&self) -> Option<&Auth> {
        self.auth.as_ref()
    }

    /// How long who checks passwords may take.
    pub(in crate::domain) fn patience(&self) -> Duration {
        self.patience
    }

    /// Who checks passwords, and until when they may take for this visit.
    pub(in crate::domain) fn credentials<'v>(&self, visit: &'v Visit) -> Result<(&Auth, Errand<'v>)> {
        let missing =
            || Error::new(Kind::Unavailable, "nobody checks passwords: there is no [backends.auth]");
        let by = visit.by.min(Instant::now() + self.patience);
        Ok((self.auth.as_ref().ok_or_else(missing)?, visit.origin.errand(by)))
    }
}

fn delta(period: Period) -> Result<TimeDelta> {
    TimeDelta::from_std(period.get()).map_err(|error| Error::internal("read a time to live").caused_by(error))
}
