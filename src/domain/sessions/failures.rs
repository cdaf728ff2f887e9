//! Logins in vain are recorded after they were answered, so that the time of the answer tells nothing of tenants.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::Sessions;
use crate::domain::Visit;
use crate::error::Result;
use crate::model::TenantId;
use crate::store::{Store, Work};

/// How many wait to be recorded. One that finds no room is missing in the audit log, and the log says so.
const WAITING: usize = 1_024;

/// A login in vain.
#[derive(Debug)]
struct Failure {
    tenant: TenantId,
    email: String,
    visit: Visit,
}

/// Those that wait. A cheap handle.
#[derive(Debug, Clone)]
pub(super) struct Failures {
    sender: mpsc::Sender<Failure>,
    waiting: Arc<Mutex<Option<mpsc::Receiver<Failure>>>>,
}

impl Failures {
    pub(super) fn new() -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        Self { sender, waiting: Arc::new(Mutex::new(Some(waiting))) }
    }

    pub(super) fn note(&self, visit: &Visit, tenant: TenantId, email: &str) {
        let failure = Failure { tenant, email: email.to_owned(), visit: visit.clone() };
        if self.sender.try_send(failure).is_err() {
            tracing::warn!(%tenant, "a login in vain is missing in the audit log: too many wait to be recorded");
        }
    }
}

impl Sessions {
    /// Records logins in vain, for as long as the process runs.
    pub async fn keep_record(self) {
        let Some(mut waiting) = self.failures.waiting.lock().await.take() else { return };
        while let Some(failure) = waiting.recv().await {
            if let Err(error) = record(&self.store, &failure).await {
                let tenant = failure.tenant;
                tracing::warn!(%error, %tenant, "a login in vain is missing in the audit log");
            }
        }
    }
}

async fn record(store: &Store, Failure { tenant, email, visit }: &Failure) -> Result<()> {
    let record = |work: Work| async move {
        let user = work.users().find(email).await?;
        let subject = user.map_or_else(|| "user/unknown".to_owned(), |user| format!("user/{}", user.id));
        work.audit().append(&visit.entry("anonymous", "login.failed", subject)).await
    };
    store.tenant(*tenant).run(record).await
}
