//! Permissions as they are written: `orders:read`, `orders:*`, `*:read`, `orders:read:own`. Which resources and
//! actions there are is checked where the policy is.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One permission or, with `*`, several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "permission", "examples" = ["orders:read", "orders:*", "orders:read:own"]))]
pub struct Permitted {
    /// The kind of thing; `None` for all.
    resource: Option<Box<str>>,
    /// What is done with it; `None` for everything.
    action: Option<Box<str>>,
    /// Only with what is the caller's own.
    is_own: bool,
}

impl Permitted {
    /// The kind of thing; `None` for all.
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// What is done with it; `None` for everything.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// Whether it is only about what is the caller's own.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it means this action with this kind of thing, own or not.
    pub fn covers(&self, resource: &str, action: &str) -> bool {
        self.resource().is_none_or(|it| it == resource) && self.action().is_none_or(|it| it == action)
    }
}

impl FromStr for Permitted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| {
            format!(
                "a permission is a resource and an action, as in \"orders:read\", \"orders:*\" or \
                 \"orders:read:own\"; found {text:?}"
            )
        })
    }
}

fn read(text: &str) -> Option<Permitted> {
    let mut parts = text.split(':');
    let (resource, action) = (word(parts.next()?)?, word(parts.next()?)?);
    let is_own = match (parts.next(), parts.next()) {
        (None, _) => false,
        (Some("own"), None) => true,
        (Some(_), _) => return None,
    };
    Some(Permitted { resource, action, is_own })
}

/// A word, or none for `*`.
fn word(text: &str) -> Option<Option<Box<str>>> {
    match text {
        "*" => Some(None),
        text if is_word(text) => Some(Some(text.into())),
        _ => None,
    }
}

/// Whether a text may name a resource or an action: small letters, digits and `_`, a letter first.
pub(in crate::config) fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_plain)
}

impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource().unwrap_or("*"), self.action().unwrap_or("*"))?;
        f.write_str(if self.is_own { ":own" } else { "" })
    }
}

impl TryFrom<String> for Permitted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Permitted> for String {
    fn from(permitted: Permitted) -> Self {
        permitted.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_resource_or_action() {
        let covers =
            |text: &str, resource, action| text.parse::<Permitted>().unwrap().covers(resource, action);
        assert!(covers("orders:*", "orders", "read") && !covers("orders:*", "users", "read"));
        assert!(covers("*:read", "users", "read") && !covers("*:read", "users", "create"));
        assert!(covers("*:*", "users", "create") && covers("users:create:own", "users", "create"));
    }

    #[test]
    fn what_is_no_permission_is_refused() {
        let wrong = [
            "",
            "orders",
            "orders:",
            ":read",
            "orders:read:mine",
            "Orders:read",
            "orders:re ad",
            "orders:r*",
        ];
        for text in wrong.into_iter().chain(["orders:read:own:own", "orders:own:", "1:2"]) {
            assert!(text.parse::<Permitted>().is_err(), "{text}");
        }
    }
}
