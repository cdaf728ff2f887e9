//! A length of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity;

/// Units from large to small, each in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A length of time in whole milliseconds, written as `250ms`, `2s`, `5m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "period", "pattern" = "^[0-9]+(ms|s|m|h)$", "examples" = ["250ms", "2s", "5m", "1h"]))]
pub struct Period(Duration);

impl Period {
    /// So many milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// So many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// The length of time.
    pub const fn get(&self) -> Duration {
        self.0
    }

    /// Whether this is no time at all.
    pub const fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!("a duration is a whole number and one of ms, s, m, h, as in \"250ms\"; found {text:?}")
        };
        quantity::parse(text, &UNITS).map(Self::millis).ok_or_else(refuse)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        f.write_str(&quantity::print(millis, &UNITS))
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_understood() {
        for (text, millis) in [("250ms", 250), ("2s", 2000), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Period::millis(millis)));
        }
    }

    #[test]
    fn the_largest_exact_unit_is_printed() {
        for (period, text) in
            [(Period::millis(1500), "1500ms"), (Period::seconds(90), "90s"), (Period::seconds(7200), "2h")]
        {
            assert_eq!(period.to_string(), text);
        }
        assert_eq!(Period::seconds(0).to_string(), "0ms");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "5", "s", "-5s", "5 s", "5S", "1.5s", "5s5", "99999999999999999999s", "9999999999999999h"]
        {
            let error = text.parse::<Period>().expect_err(text);
            assert_eq!(
                error,
                format!(
                    "a duration is a whole number and one of ms, s, m, h, as in \"250ms\"; found {text:?}"
                )
            );
        }
    }
}
