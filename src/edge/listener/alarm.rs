//! A timer for deadlines that are mostly met. To set one costs a place among the runtime's timers, which all threads
//! share, and to give it up costs that again. So nothing is given up here: a timer that is set already rings for a
//! deadline that is over, and only then goes on to the one that counts. A kept connection sets one a minute.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a deadline that is said each time it is asked.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready from this deadline on. The task may be woken before, for one that was said earlier.
    pub(super) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    async fn rings(alarm: &mut Alarm, seconds: u64) -> Duration {
        let (now, deadline) = (Instant::now(), Instant::now() + Duration::from_secs(seconds));
        poll_fn(|context| alarm.poll(deadline, context)).await;
        now.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_deadline_whatever_was_said_before() {
        let mut alarm = Alarm::default();
        for seconds in [10, 60, 5] {
            let said = poll_fn(|context| {
                Poll::Ready(alarm.poll(Instant::now() + Duration::from_secs(20), context).is_pending())
            });
            assert!(said.await);
            assert_eq!(rings(&mut alarm, seconds).await.as_secs(), seconds);
        }
    }
}
