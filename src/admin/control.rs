//! How operators change what is in force: their wishes go, one at a time, to the one that holds it all together.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::live::{LastReload, Override, Trigger};
use crate::config::Address;
use crate::error::{Error, Kind, Result};

/// Wishes that may wait. More than that and the next one is refused.
const MOST_WAITING: usize = 16;

/// A wish and where its answer goes.
#[derive(Debug)]
pub enum Wish {
    /// Read the configuration again.
    Reload(Trigger, oneshot::Sender<Arc<LastReload>>),
    /// Put an override in force in place of an earlier one.
    Set(Override, oneshot::Sender<Result<()>>),
    /// Take an override back; the answer is whether there was one.
    Clear(String, Address, oneshot::Sender<Result<bool>>),
}

/// A cheap handle for those who have wishes.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<Wish>);

impl Control {
    /// A handle, and the end where wishes arrive.
    pub fn new() -> (Self, mpsc::Receiver<Wish>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self(sender), receiver)
    }

    /// Reads the configuration again and says what came of it.
    ///
    /// # Errors
    /// The process is ending, or too many wishes wait.
    pub async fn reload(&self, trigger: Trigger) -> Result<Arc<LastReload>> {
        self.ask(|reply| Wish::Reload(trigger, reply)).await
    }

    /// Puts an override in force.
    ///
    /// # Errors
    /// The pools could not be built with it, the process is ending, or too many wishes wait.
    pub async fn set(&self, wanted: Override) -> Result<()> {
        self.ask(|reply| Wish::Set(wanted, reply)).await?
    }

    /// Takes an override back; false where there was none.
    ///
    /// # Errors
    /// The pools could not be built without it, the process is ending, or too many wishes wait.
    pub async fn clear(&self, upstream: String, address: Address) -> Result<bool> {
        self.ask(|reply| Wish::Clear(upstream, address, reply)).await?
    }

    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let refused =
            |_| Error::new(Kind::Unavailable, "changes wait for earlier ones, or the process is ending");
        self.0.try_send(wish(reply)).map_err(refused)?;
        answer.await.map_err(|_| {
            Error::new(Kind::Unavailable, "the process is ending, or failed at this; then its log says so")
        })
    }
}
