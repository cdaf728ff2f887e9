//! The name a backend proves by its certificate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::DnsName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host name as certificates hold it, in lower case. Never empty: without a name nothing could be verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "server-name", "examples" = ["commerce.internal"]))]
pub struct ServerName(Arc<str>);

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        match DnsName::try_from(name.as_str()) {
            Ok(_) => Ok(Self(name.into())),
            Err(_) => Err(format!(
                "a host name is needed, as the backend's certificate has it, such as \"commerce.internal\"; found {text:?}"
            )),
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ServerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_name_and_never_empty() {
        assert_eq!("Shop.Example".parse::<ServerName>().expect("a name").as_str(), "shop.example");
        for text in ["", " ", "127.0.0.1", "[::1]", "shop.example:443", "https://shop.example", "*.example"] {
            let refusal = text.parse::<ServerName>().expect_err(text);
            assert!(refusal.starts_with("a host name is needed"), "{refusal}");
        }
    }
}
