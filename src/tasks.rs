//! The life of the process: whether it takes requests, what is still in flight, which tasks run beside them.
//! Every task has an owner (this), a name and an end (`stop`).

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How far the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all listeners are open yet.
    Starting,
    /// Requests are welcome.
    Serving,
    /// Another process has the listeners too: requests are still served, and clients asked to connect anew.
    HandingOver,
    /// Requests are still served, but clients and balancers are asked to go elsewhere.
    Draining,
}

/// A cheap handle on the life of the process.
#[derive(Debug, Clone)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    /// Whether clients are asked to go elsewhere, or to connect anew.
    leaving: watch::Sender<bool>,
    in_flight: AtomicUsize,
    went_idle: Notify,
    multiplexed: AtomicUsize,
    went_quiet: Notify,
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
}

impl Lifecycle {
    /// A process about to start, whose background tasks run on this runtime.
    pub fn new(runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            phase: watch::Sender::new(Phase::Starting),
            leaving: watch::Sender::new(false),
            in_flight: AtomicUsize::new(0),
            went_idle: Notify::new(),
            multiplexed: AtomicUsize::new(0),
            went_quiet: Notify::new(),
            runtime,
            tasks: Mutex::new(JoinSet::new()),
        }))
    }

    /// How far the process is.
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Whether clients are asked to go elsewhere, or to connect anew.
    pub fn is_leaving(&self) -> bool {
        matches!(self.phase(), Phase::HandingOver | Phase::Draining)
    }

    /// From now on requests are welcome, unless the process is asked to end already.
    pub fn serve(&self) {
        self.0.phase.send_if_modified(|phase| {
            let is_starting = *phase == Phase::Starting;
            if is_starting {
                *phase = Phase::Serving;
            }
            is_starting
        });
    }

    /// From now on clients are asked to connect anew.
    pub fn hand_over(&self) {
        self.0.phase.send_replace(Phase::HandingOver);
        self.ask_to_leave();
    }

    /// From now on clients are asked to go elsewhere.
    pub fn drain(&self) {
        self.0.phase.send_replace(Phase::Draining);
        self.ask_to_leave();
    }

    /// Connections hear of it once, however often the process is told to end.
    fn ask_to_leave(&self) {
        self.0.leaving.send_if_modified(|leaving| !std::mem::replace(leaving, true));
    }

    /// Changes to true, once, when clients are asked to go elsewhere or to connect anew; at once for who asks after that.
    pub fn leaving(&self) -> watch::Receiver<bool> {
        let mut leaving = self.0.leaving.subscribe();
        if *leaving.borrow() {
            leaving.mark_changed();
        }
        leaving
    }

    /// Counts a request as in flight while the guard lives.
    pub fn enter(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Waits until no request is in flight, at most this long; true if it came to that.
    pub async fn idle_within(&self, limit: Duration) -> bool {
        zero_within(limit, &self.0.in_flight, &self.0.went_idle).await
    }

    /// Counts a connection of HTTP/2 while the guard lives. A request of it is served when its answer is in memory, which
    /// may be before it is written.
    pub fn multiplex(&self) -> Multiplexed {
        self.0.multiplexed.fetch_add(1, Ordering::Relaxed);
        Multiplexed(self.clone())
    }

    /// Waits until there is no connection of HTTP/2, at most this long; true if it came to that.
    pub async fn quiet_within(&self, limit: Duration) -> bool {
        zero_within(limit, &self.0.multiplexed, &self.0.went_quiet).await
    }

    /// Runs a task beside the requests until it ends or the process does. A panic in it is logged.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task failed");
            }
        }
        tasks.spawn_on(
            async move {
                task.await;
                tracing::debug!(name, "background task ended");
            },
            &self.0.runtime,
        );
    }

    /// Ends every background task.
    pub fn stop(&self) {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

async fn zero_within(limit: Duration, count: &AtomicUsize, changed: &Notify) -> bool {
    let zero = async {
        loop {
            let changed = changed.notified();
            if count.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    };
    tokio::time::timeout(limit, zero).await.is_ok()
}

/// Waits between two rounds of a job: for this time, and by chance for up to so much more, so that instances do not all
/// come at once.
pub async fn pause(least: Duration, more: Duration) {
    sleep(least + more.mul_f64(fastrand::f64())).await;
}

/// A request in flight.
#[derive(Debug)]
pub struct InFlight(Lifecycle);

impl Drop for InFlight {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 && self.0.phase() == Phase::Draining {
            inner.went_idle.notify_waiters();
        }
    }
}

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Multiplexed(Lifecycle);

impl Drop for Multiplexed {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.multiplexed.fetch_sub(1, Ordering::AcqRel) == 1 {
            inner.went_quiet.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_connections_that_may_have_something_to_write() {
        let life = Lifecycle::new(Handle::current());
        let connection = life.multiplex();
        assert!(!life.quiet_within(Duration::from_secs(1)).await);
        let waiter = life.quiet_within(Duration::from_secs(60));
        let (quiet, ()) = tokio::join!(waiter, async move { drop(connection) });
        assert!(quiet);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_late_is_asked_to_leave_at_once() {
        let life = Lifecycle::new(Handle::current());
        let mut early = life.leaving();
        assert!(!early.has_changed().unwrap());
        life.drain();
        for leaving in [&mut early, &mut life.leaving()] {
            leaving.changed().await.unwrap();
            assert!(*leaving.borrow());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn drain_waits_for_what_is_in_flight() {
        let life = Lifecycle::new(Handle::current());
        life.serve();
        let request = life.enter();
        life.drain();
        assert!(!life.idle_within(Duration::from_secs(1)).await);
        drop(request);
        assert!(life.idle_within(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_of_a_job_are_spread_between_a_pause_and_what_may_come_on_top() {
        let (least, more) = (Duration::from_secs(300), Duration::from_secs(60));
        let mut waited = Vec::new();
        for _ in 0..200 {
            let began = tokio::time::Instant::now();
            pause(least, more).await;
            waited.push(began.elapsed());
        }
        let (first, last) = (waited.iter().min().unwrap(), waited.iter().max().unwrap());
        // A timer rings at the millisecond after.
        assert!(*first >= least && *last <= least + more + Duration::from_millis(1), "{first:?} {last:?}");
        assert!(*last - *first > more / 2, "not all come at once: {first:?} {last:?}");
    }

    #[tokio::test]
    async fn a_process_that_drains_never_serves_again() {
        let life = Lifecycle::new(Handle::current());
        life.drain();
        life.serve();
        assert_eq!(life.phase(), Phase::Draining);
    }

    #[tokio::test]
    async fn the_last_request_wakes_the_one_who_waits() {
        let life = Lifecycle::new(Handle::current());
        life.drain();
        let request = life.enter();
        let waiter = {
            let life = life.clone();
            async move { life.idle_within(Duration::from_secs(60)).await }
        };
        let (idle, ()) = tokio::join!(waiter, async move { drop(request) });
        assert!(idle);
    }
}
