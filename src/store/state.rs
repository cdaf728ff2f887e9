//! How the server stands: found out by one task, read by everyone.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

/// How the database stands, as far as this instance can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was not reached yet: whoever needs it waits, within the acquire timeout.
    Starting,
    /// It serves.
    Up,
    /// It cannot be reached: whoever needs it is refused at once.
    Down,
    /// It serves, but as a role that row-level security would not hold: everyone is refused.
    Unfit,
}

#[derive(Debug)]
pub(super) struct State {
    standing: watch::Sender<Standing>,
    suspicion: Notify,
    must_migrate: AtomicBool,
}

impl State {
    pub(super) fn new(must_migrate: bool) -> Self {
        Self {
            standing: watch::Sender::new(Standing::Starting),
            suspicion: Notify::new(),
            must_migrate: AtomicBool::new(must_migrate),
        }
    }

    pub(super) fn get(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Sets it, and says whether that is a change.
    pub(super) fn set(&self, standing: Standing) -> bool {
        self.standing.send_if_modified(|before| std::mem::replace(before, standing) != standing)
    }

    /// How the server stands, once that has been found out: until then it may hold tables that are not up to date, and
    /// the role may be one that sees everything.
    pub(super) async fn known(&self) -> Standing {
        let mut changes = self.standing.subscribe();
        let known = changes.wait_for(|standing| *standing != Standing::Starting).await;
        known.map_or(Standing::Starting, |standing| *standing)
    }

    pub(super) async fn is_up(&self) {
        let mut changes = self.standing.subscribe();
        // The sender is ours and lives as long as this.
        let _ = changes.wait_for(|standing| *standing == Standing::Up).await;
    }

    /// Whether this instance still has to bring the tables up to date.
    pub(super) fn must_migrate(&self) -> bool {
        self.must_migrate.load(Ordering::Relaxed)
    }

    pub(super) fn has_migrated(&self) {
        self.must_migrate.store(false, Ordering::Relaxed);
    }

    /// Someone waited in vain: the watch looks at once.
    pub(super) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    pub(super) async fn suspected(&self) {
        self.suspicion.notified().await;
    }
}
