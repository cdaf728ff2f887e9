//! Chance as an argument: one random number is stretched into as many as a decision needs.

/// Draws numbers that are random if the first one was (SplitMix64, Steele et al. 2014).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(random: u64) -> Self {
        Self(random)
    }

    /// The next number.
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// A number below `bound`, or 0 where there is none. The bias is below 2^-32.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        scale(self.roll(), bound)
    }
}

/// Spreads the bits of a number over all of it.
pub(super) fn scramble(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Whether a random number falls into the first `share` of its range.
pub(super) fn is_within(random: u64, share: f32) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "24 bits of chance are plenty")]
    let place = (random >> 40) as f32 / (1_u64 << 24) as f32;
    place < share
}

/// Maps a random number onto `0..bound`.
fn scale(random: u64, bound: u32) -> u32 {
    u32::try_from(((random >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_comes_up_equally_often() {
        let mut dice = Dice::new(7);
        let mut seen = [0_u32; 6];
        (0..60_000).for_each(|_| seen[dice.below(6) as usize] += 1);
        assert!(seen.iter().all(|count| count.abs_diff(10_000) < 500), "{seen:?}");
    }

    #[test]
    fn a_chance_is_taken_as_often_as_it_says() {
        let mut dice = Dice::new(7);
        let taken = (0..10_000).filter(|_| is_within(dice.roll(), 0.1)).count();
        assert!(taken.abs_diff(1_000) < 100, "{taken}");
        assert!(!is_within(0, 0.0) && is_within(u64::MAX, 1.0));
    }
}
