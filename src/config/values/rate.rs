//! How often something may happen.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Units with their nanoseconds.
const UNITS: [(&str, u64); 4] =
    [("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000)];
/// A request every microsecond: beyond it the clock of a shared count is too coarse.
const LEAST_INTERVAL: u64 = 1_000;

/// A number of times in a second, a minute, an hour or a day, written as `100/s` or `6000/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "rate", "pattern" = "^[0-9]+/(s|m|h|d)$", "examples" = ["100/s", "6000/m", "20/h"]))]
pub struct Rate {
    times: u64,
    unit: usize,
}

impl Rate {
    /// So many times in a minute.
    pub const fn each_minute(times: u64) -> Self {
        Self { times, unit: 1 }
    }

    /// How many times in its unit.
    pub const fn times(self) -> u64 {
        self.times
    }

    /// The time from one to the next when they are spread evenly.
    pub fn interval(self) -> Duration {
        Duration::from_nanos(self.nanos().checked_div(self.times).unwrap_or(u64::MAX))
    }

    /// How often within a second, rounded down, but at least once.
    pub fn each_second(self) -> u64 {
        let nanos = u128::from(self.times) * 1_000_000_000 / u128::from(self.nanos().max(1));
        u64::try_from(nanos).unwrap_or(u64::MAX).max(1)
    }

    fn nanos(self) -> u64 {
        UNITS.get(self.unit).map_or(1, |(_, nanos)| *nanos)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!("a rate is a whole number, `/`, and one of s, m, h, d, as in \"100/s\"; found {text:?}")
        };
        let (number, unit) = text.split_once('/').ok_or_else(refuse)?;
        let unit = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(refuse)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let times = number.parse().ok().filter(|_| is_number).ok_or_else(refuse)?;
        let rate = Self { times, unit };
        if times == 0 || rate.nanos() / times < LEAST_INTERVAL {
            return Err(format!("a rate is at least once and at most 1000000/s; found {text:?}"));
        }
        Ok(rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.times, UNITS.get(self.unit).map_or("", |(name, _)| name))
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rate_may_be_written_in_any_unit() {
        for (text, millis, each_second) in
            [("100/s", 10, 100), ("6000/m", 10, 100), ("36/h", 100_000, 1), ("1/d", 86_400_000, 1)]
        {
            let rate: Rate = text.parse().expect(text);
            assert_eq!((rate.interval(), rate.each_second()), (Duration::from_millis(millis), each_second));
            assert_eq!(rate.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["", "100", "100/", "/s", "1.5/s", "-1/s", "+1/s", "1 /s", "1/S", "99999999999999999999/s"]
        {
            let error = text.parse::<Rate>().expect_err(text);
            assert!(error.starts_with("a rate is a whole number"), "{error}");
        }
        for text in ["0/s", "1000001/s", "60000060/m"] {
            let error = text.parse::<Rate>().expect_err(text);
            assert!(error.starts_with("a rate is at least once"), "{error}");
        }
        assert!("1000000/s".parse::<Rate>().is_ok());
    }
}
