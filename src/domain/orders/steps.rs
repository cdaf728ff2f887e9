//! The steps of what is done with a backend, told one after another to whoever wants to wait after them: tests, which end
//! everything there as a crash would. Nobody else does, and then they cost nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The intent to reserve is committed.
    Recorded,
    /// The goods are held.
    Reserved,
    /// The order is committed.
    Placed,
    /// The intent to let the goods go is committed.
    Intended,
    /// The goods are gone.
    Gone,
    /// The order is confirmed.
    Confirmed,
}

/// What is waited for after a step.
pub type Pause = Arc<dyn Fn(Step) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Who is told of steps, if anybody.
#[derive(Clone, Default)]
pub(super) struct Steps(Option<Pause>);

impl Steps {
    pub(super) fn with(pause: Pause) -> Self {
        Self(Some(pause))
    }

    /// Tells of a step.
    pub(super) async fn after(&self, step: Step) {
        if let Some(pause) = &self.0 {
            pause(step).await;
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.0.is_some()).finish()
    }
}
