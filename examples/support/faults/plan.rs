//! The little language of faults: `delay=500ms`, `status=503`, `hang`, `reset`, `truncate`, joined by `;` with
//! `probability=0.33` and `health=true`.

use std::time::Duration;

use axum::http::StatusCode;

/// What to do to a request, and how often.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The words it was read from.
    pub(super) text: String,
    pub(super) delay: Option<Duration>,
    pub(super) ending: Ending,
    /// From 0 to 1.
    pub(super) probability: f64,
    /// Whether a mode for all requests also applies to `/healthz`.
    pub(super) health: bool,
}

/// How the request ends, after the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As if nothing had happened.
    Normal,
    /// With this status and a problem body.
    Status(StatusCode),
    /// Never.
    Hang,
    /// With a TCP reset instead of an answer.
    Reset,
    /// In the middle of a body whose length was promised.
    Truncate,
}

impl Plan {
    /// Reads the words; the error says which of them is wrong and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_owned();
        let mut plan =
            Self { text: text.clone(), delay: None, ending: Ending::Normal, probability: 1.0, health: false };
        for word in text.split(';').map(str::trim).filter(|word| !word.is_empty()) {
            plan.apply(word)?;
        }
        if plan.delay.is_none() && plan.ending == Ending::Normal {
            return Err("no fault given: one of delay=, status=, hang, reset, truncate is needed".to_owned());
        }
        Ok(plan)
    }

    /// The names under which this fault is counted.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.delay.map(|_| "delay").into_iter().chain(self.ending.kind())
    }

    fn apply(&mut self, word: &str) -> Result<(), String> {
        match word.split_once('=').map_or((word, None), |(key, value)| (key.trim(), Some(value.trim()))) {
            ("delay", Some(value)) => self.delay = Some(duration(value)?),
            ("status", Some(value)) => self.end(Ending::Status(status(value)?))?,
            ("hang", None) => self.end(Ending::Hang)?,
            ("reset", None) => self.end(Ending::Reset)?,
            ("truncate", None) => self.end(Ending::Truncate)?,
            ("probability", Some(value)) => self.probability = probability(value)?,
            ("health", Some("true")) => self.health = true,
            ("health", Some("false")) => self.health = false,
            _ => return Err(format!("unknown fault `{word}`")),
        }
        Ok(())
    }

    fn end(&mut self, ending: Ending) -> Result<(), String> {
        if self.ending != Ending::Normal {
            return Err(
                "a request can end only one way: give one of status=, hang, reset, truncate".to_owned()
            );
        }
        self.ending = ending;
        Ok(())
    }
}

impl Ending {
    pub(super) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Normal => None,
            Self::Status(_) => Some("status"),
            Self::Hang => Some("hang"),
            Self::Reset => Some("reset"),
            Self::Truncate => Some("truncate"),
        }
    }
}

fn duration(value: &str) -> Result<Duration, String> {
    let wrong = || format!("delay `{value}` is not a time such as 500ms or 2s");
    let (number, unit) = match value.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (value.strip_suffix('s').ok_or_else(wrong)?, 1000),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_millis(u64::from(number) * unit))
}

fn status(value: &str) -> Result<StatusCode, String> {
    let code = value.parse().ok().filter(|code| (200..=599).contains(code));
    code.and_then(|code: u16| StatusCode::from_u16(code).ok())
        .ok_or_else(|| format!("status `{value}` is not from 200 to 599"))
}

fn probability(value: &str) -> Result<f64, String> {
    value
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| format!("probability `{value}` is not from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_combine() {
        let plan = Plan::parse(" probability=0.33; status=500 ;delay=2s").unwrap();
        assert_eq!(plan.ending, Ending::Status(StatusCode::INTERNAL_SERVER_ERROR));
        assert_eq!(plan.delay, Some(Duration::from_secs(2)));
        assert!((plan.probability - 0.33).abs() < f64::EPSILON);
        assert_eq!(plan.kinds().collect::<Vec<_>>(), ["delay", "status"]);
    }

    #[test]
    fn wrong_words_are_named() {
        for (text, part) in [
            ("", "no fault given"),
            ("probability=1", "no fault given"),
            ("explode", "`explode`"),
            ("delay=soon", "`soon`"),
            ("status=99", "`99`"),
            ("probability=2;hang", "`2`"),
            ("hang;reset", "only one way"),
        ] {
            let error = Plan::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
