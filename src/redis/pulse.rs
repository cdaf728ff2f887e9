//! A pulse: an instance sends itself beats through Redis. One that is heard proves that all that was published before
//! it was sent was heard too, or told as a gap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::client::Redis;

/// Between two beats, and how old the last that was heard may be.
const BEAT: Duration = Duration::from_millis(250);
const SILENCE: Duration = Duration::from_millis(750);

/// The beats of one instance, and the last of them that came back.
#[derive(Debug)]
pub struct Pulse {
    channel: String,
    began: Instant,
    /// When the last beat that came back was sent, in milliseconds from `began`; 0 before the first.
    heard: AtomicU64,
}

impl Pulse {
    /// One of which nothing is heard yet. Its channel begins with this word.
    pub fn new(word: &str) -> Self {
        let channel = format!("{word}:{:016x}", fastrand::u64(..));
        Self { channel, began: Instant::now(), heard: AtomicU64::new(0) }
    }

    /// The channel on which its beats are to be heard.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// A beat came back.
    pub fn hear(&self, beat: &str) {
        if let Ok(sent) = beat.parse() {
            self.heard.fetch_max(sent, Ordering::AcqRel);
        }
    }

    /// Whether what is published is heard, as far as that can be known.
    pub fn is_felt(&self, now: Instant) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        heard > 0 && self.since(now) <= heard.saturating_add(SILENCE.as_millis() as u64)
    }

    /// Beats for as long as it is polled.
    pub async fn beat(&self, redis: &Redis) {
        loop {
            let now = self.since(Instant::now()).max(1).to_string();
            // What became of it is seen by whether it is heard.
            let _ = redis.publish(&self.channel, &now).await;
            sleep(BEAT).await;
        }
    }

    fn since(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_is_felt_from_its_first_beat_until_it_was_silent_for_long() {
        let pulse = Pulse::new("beat");
        let at = |millis| pulse.began + Duration::from_millis(millis);
        assert!(!pulse.is_felt(at(1)));
        pulse.hear("no number");
        assert!(!pulse.is_felt(at(1)));
        pulse.hear("1000");
        assert!(pulse.is_felt(at(1000)) && pulse.is_felt(at(1750)) && !pulse.is_felt(at(1751)));
        pulse.hear("900");
        assert!(pulse.is_felt(at(1750)), "an older beat takes nothing back");
    }
}
