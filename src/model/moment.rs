//! A time as clients and logs read it. Lists write many, and a formatter that takes patterns costs several times this.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// The text with nought in every part.
const BLANK: [u8; 27] = *b"0000-00-00T00:00:00.000000Z";

/// A time as text: RFC 3339 in UTC with microseconds. Years are those that the standard knows, 0 to 9999; a leap second
/// is the end of the second before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment([u8; 27]);

impl Moment {
    /// The text of a time.
    pub fn of(time: DateTime<Utc>) -> Self {
        let year = u32::try_from(time.year()).unwrap_or(0).min(9999);
        let micros = (time.nanosecond() / 1000).min(999_999);
        let mut text = BLANK;
        let parts = [
            (0..4, year),
            (5..7, time.month()),
            (8..10, time.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..26, micros),
        ];
        for (place, mut number) in parts {
            for digit in text.get_mut(place).into_iter().flatten().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_a_formatter_would_write(micros in 0..253_402_300_800_000_000_i64) {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            let formatted = time.to_rfc3339_opts(SecondsFormat::Micros, true);
            let text = Moment::of(time);
            prop_assert_eq!(text.as_str(), formatted);
        }
    }

    #[test]
    fn what_the_standard_has_no_text_for_is_at_its_ends() {
        let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap();
        assert_eq!(Moment::of(leap).as_str(), "2016-12-31T23:59:59.999999Z");
        assert!(Moment::of(DateTime::<Utc>::MAX_UTC).as_str().starts_with("9999-"));
        assert!(Moment::of(DateTime::<Utc>::MIN_UTC).as_str().starts_with("0000-"));
    }
}
