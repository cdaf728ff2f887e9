//! What a process that serves stands on before it has read anything: a runtime, and ears for SIGHUP, which would end
//! a process that does not listen for it.

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// The ground of a process. From here on a SIGHUP is kept until it can be obeyed.
#[derive(Debug)]
pub struct Ground {
    pub(super) runtime: Runtime,
    pub(super) hangups: Signal,
}

impl Ground {
    /// To be laid before anything that takes time.
    ///
    /// # Errors
    /// The runtime cannot be started, or signals not be listened for.
    pub fn lay() -> Result<Self> {
        let runtime = background_runtime()?;
        let hangups = {
            let _entered = runtime.enter();
            signal(SignalKind::hangup())
                .map_err(|error| Error::internal("listen for SIGHUP").caused_by(error))?
        };
        Ok(Self { runtime, hangups })
    }
}

/// Health checks and deadlines run beside the worker threads, which Pingora owns and ends by itself.
pub(super) fn background_runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("background").enable_all().build();
    runtime.map_err(|error| Error::internal("start the background runtime").caused_by(error))
}
