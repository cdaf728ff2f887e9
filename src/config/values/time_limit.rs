//! The longest something may take, where it may also take as long as it likes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;

/// How that there is no limit is written.
const NONE: &str = "none";

/// The longest something may take, written as a duration, or `none`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "time-limit", "pattern" = "^([0-9]+(ms|s|m|h)|none)$", "examples" = ["none", "30s", "5m", "1h"]))]
pub struct TimeLimit(Option<Period>);

impl TimeLimit {
    /// The limit as it is written, if there is one.
    pub const fn period(&self) -> Option<Period> {
        self.0
    }

    /// The length of time, if there is a limit.
    pub fn get(&self) -> Option<Duration> {
        self.0.map(|period| period.get())
    }
}

impl FromStr for TimeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            NONE => Ok(Self(None)),
            _ => text.parse().map(|period| Self(Some(period))).map_err(|_| {
                format!("a limit is \"none\", or a whole number and one of ms, s, m, h, as in \"30s\"; found {text:?}")
            }),
        }
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str(NONE),
            Some(period) => period.fmt(f),
        }
    }
}

impl TryFrom<String> for TimeLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Period> for TimeLimit {
    fn from(period: Period) -> Self {
        Self(Some(period))
    }
}

impl From<TimeLimit> for String {
    fn from(limit: TimeLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_length_of_time_or_none() {
        assert_eq!("none".parse(), Ok(TimeLimit::default()));
        assert_eq!("2s".parse::<TimeLimit>().map(|limit| limit.get()), Ok(Some(Duration::from_secs(2))));
    }

    #[test]
    fn anything_else_is_refused_with_both_ways_to_write_it() {
        for text in ["", "None", "off", "5", "-1s"] {
            let error = text.parse::<TimeLimit>().expect_err(text);
            assert!(error.contains("\"none\"") && error.contains("\"30s\""), "{error}");
        }
    }
}
