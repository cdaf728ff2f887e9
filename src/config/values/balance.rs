//! How an endpoint of a pool is chosen.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HashKey;

/// The words that stand alone.
const WORDS: [(&str, Balance); 5] = [
    ("wrr", Balance::Wrr),
    ("least_request", Balance::LeastRequest),
    ("p2c", Balance::P2c),
    ("peak_ewma", Balance::PeakEwma),
    ("random", Balance::Random),
];
const HASHES: [&str; 4] = ["hash:ip", "hash:header:NAME", "hash:cookie:NAME", "hash:claim:NAME"];

/// How an endpoint is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "balance", "pattern" = "^(wrr|least_request|p2c|peak_ewma|random|hash:ip|hash:(header|cookie):.+|hash:claim:(sub|tenant|sid))$", "examples" = ["peak_ewma", "wrr", "hash:header:x-tenant"]))]
pub enum Balance {
    /// Smooth weighted round robin: by weight, spread evenly over time.
    Wrr,
    /// Of two drawn by weight, the one with fewer requests in flight for its weight.
    LeastRequest,
    /// Of two drawn by weight, the one with fewer requests in flight.
    P2c,
    /// Of two drawn by weight, the one that would answer sooner by what was measured lately.
    #[default]
    PeakEwma,
    /// By weight and chance.
    Random,
    /// The same key goes to the same endpoint while that is up and not overloaded.
    Hash(HashKey),
}

impl FromStr for Balance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, word)) = WORDS.iter().find(|(name, _)| *name == text) {
            return Ok(word.clone());
        }
        match text.strip_prefix("hash:").map(HashKey::read) {
            Some(Some(key)) => key.map(Self::Hash),
            Some(None) => Err(format!("unknown hash {text:?}; known are {}", HASHES.join(", "))),
            None => Err(refuse(text)),
        }
    }
}

fn refuse(text: &str) -> String {
    let distance = |name: &&str| strsim::damerau_levenshtein(name, text);
    match WORDS.iter().map(|(name, _)| *name).min_by_key(distance).filter(|name| distance(name) <= 3) {
        Some(nearest) => format!("unknown word {text:?}; did you mean `{nearest}`?"),
        None => {
            let names: Vec<_> = WORDS.iter().map(|(name, _)| *name).chain(HASHES).collect();
            format!("unknown word {text:?}; known are {}", names.join(", "))
        }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrr => f.write_str("wrr"),
            Self::LeastRequest => f.write_str("least_request"),
            Self::P2c => f.write_str("p2c"),
            Self::PeakEwma => f.write_str("peak_ewma"),
            Self::Random => f.write_str("random"),
            Self::Hash(key) => write!(f, "hash:{key}"),
        }
    }
}

impl TryFrom<String> for Balance {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Balance> for String {
    fn from(balance: Balance) -> Self {
        balance.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Balance>().expect_err(text)
    }

    #[test]
    fn every_balancer_is_understood() {
        let names = WORDS.map(|(name, _)| name);
        for text in names.into_iter().chain([
            "hash:ip",
            "hash:header:x-tenant",
            "hash:cookie:Session",
            "hash:claim:tenant",
        ]) {
            assert_eq!(text.parse::<Balance>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_word_that_was_meant() {
        assert_eq!(refusal("wr"), "unknown word \"wr\"; did you mean `wrr`?");
        assert_eq!(refusal("ewma_peak"), format!("unknown word \"ewma_peak\"; known are {}", known()));
    }

    #[test]
    fn only_claims_that_name_a_caller_can_be_gone_by() {
        let message = "a caller goes by the claim `sub`, `tenant` or `sid`; found ";
        assert_eq!(refusal("hash:claim:roles"), format!("{message}\"roles\""));
        for text in ["hash:", "hash:ip:", "hash:ip:x"] {
            let known = "hash:ip, hash:header:NAME, hash:cookie:NAME, hash:claim:NAME";
            assert_eq!(refusal(text), format!("unknown hash {text:?}; known are {known}"));
        }
    }

    #[test]
    fn the_names_of_headers_and_cookies_are_checked() {
        assert!(refusal("hash:header:X-Tenant").starts_with("header names are written in lower case"));
        assert!(refusal("hash:header").starts_with("a header name has"));
        assert!(refusal("hash:cookie:a b").starts_with("a cookie's name has"));
    }

    fn known() -> String {
        "wrr, least_request, p2c, peak_ewma, random, hash:ip, hash:header:NAME, hash:cookie:NAME, hash:claim:NAME"
            .to_owned()
    }
}
