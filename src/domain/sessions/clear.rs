//! Clearing away what expired. Every instance does it; no two take the same rows.

use std::time::Duration;

use chrono::Utc;

use super::Sessions;
use crate::error::Result;
use crate::store::Work;
use crate::tasks::pause;

/// Pause between two rounds; chance adds up to as much again.
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// Rows of one transaction.
const BATCH: u16 = 500;

impl Sessions {
    /// Clears away what expired, for as long as the process runs.
    pub async fn keep_clear(self) {
        loop {
            pause(PAUSE, PAUSE).await;
            match self.clear().await {
                Ok((0, 0)) => {}
                Ok((sessions, tokens)) => tracing::info!(sessions, tokens, "cleared away what expired"),
                Err(error) => tracing::warn!(%error, "clear away expired sessions: tried again later"),
            }
        }
    }

    /// Forgets the sessions and refresh tokens that expired, and says how many of each.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn clear(&self) -> Result<(usize, usize)> {
        let (mut sessions, mut tokens) = (0, 0);
        loop {
            let now = Utc::now();
            let clear = |work: Work| async move {
                let tokens = work.refresh_tokens().clear(now, BATCH).await?;
                Ok((work.sessions().clear(now, BATCH).await?, tokens))
            };
            let cleared = self.store.platform().run(clear).await?;
            sessions += cleared.0;
            tokens += cleared.1;
            if cleared.0.max(cleared.1) < usize::from(BATCH) {
                return Ok((sessions, tokens));
            }
        }
    }
}
