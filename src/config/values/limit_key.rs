//! What of a request is counted together.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HeaderName;

/// The words that stand alone.
const WORDS: [(&str, LimitKey); 4] = [
    ("ip", LimitKey::Ip),
    ("user", LimitKey::User),
    ("tenant", LimitKey::Tenant),
    ("route", LimitKey::Route),
];

/// A part of what requests are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "limit-key", "pattern" = "^(ip|user|tenant|route|header:.+)$", "examples" = ["ip", "tenant", "header:x-api-client"]))]
pub enum LimitKey {
    /// The client's address; of IPv6 the network of 64 bits that one client has to itself.
    Ip,
    /// Who calls. Anonymous callers count by address.
    User,
    /// Whose data they see. Anonymous callers count by address.
    Tenant,
    /// The route that serves the request.
    Route,
    /// A header of the request. Requests without it count by address.
    Header(HeaderName),
}

impl LimitKey {
    /// Whether it is known only once the caller is.
    pub fn needs_caller(&self) -> bool {
        match self {
            Self::User | Self::Tenant => true,
            Self::Ip | Self::Route | Self::Header(_) => false,
        }
    }
}

impl FromStr for LimitKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, word)) = WORDS.iter().find(|(name, _)| *name == text) {
            return Ok(word.clone());
        }
        match text.strip_prefix("header:") {
            Some(name) => name.parse().map(Self::Header),
            None => Err(refuse(text)),
        }
    }
}

fn refuse(text: &str) -> String {
    let distance = |name: &&str| strsim::damerau_levenshtein(name, text);
    match WORDS.iter().map(|(name, _)| *name).min_by_key(distance).filter(|name| distance(name) <= 1) {
        Some(nearest) => format!("unknown word {text:?}; did you mean `{nearest}`?"),
        None => format!("unknown word {text:?}; known are ip, user, tenant, route, header:NAME"),
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip => f.write_str("ip"),
            Self::User => f.write_str("user"),
            Self::Tenant => f.write_str("tenant"),
            Self::Route => f.write_str("route"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

impl TryFrom<String> for LimitKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LimitKey> for String {
    fn from(key: LimitKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_understood() {
        for text in ["ip", "user", "tenant", "route", "header:x-api-client"] {
            assert_eq!(text.parse::<LimitKey>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_word_that_was_meant() {
        let refusal = |text: &str| text.parse::<LimitKey>().expect_err(text);
        assert_eq!(refusal("usr"), "unknown word \"usr\"; did you mean `user`?");
        let known = "known are ip, user, tenant, route, header:NAME";
        assert_eq!(refusal("account"), format!("unknown word \"account\"; {known}"));
        assert!(refusal("header:X-Client").starts_with("header names are written in lower case"));
    }
}
