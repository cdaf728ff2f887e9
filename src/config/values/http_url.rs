//! Where a service of the platform is asked over HTTP.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An absolute URL of `http` or `https`, without user name and password, which would end up in logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "http-url", "examples" = ["https://id.example/keys"]))]
pub struct HttpUrl(Uri);

impl HttpUrl {
    /// The URL, parsed.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal =
            || format!("a URL begins with http:// or https:// and names a host and no user; found {text:?}");
        let uri: Uri = text.parse().map_err(|_| refusal())?;
        let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().ok_or_else(refusal)?;
        let names_host = !authority.host().is_empty() && !authority.as_str().contains('@');
        if has_scheme && names_host { Ok(Self(uri)) } else { Err(refusal()) }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for HttpUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HttpUrl> for String {
    fn from(url: HttpUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_and_whom_to_ask() {
        for text in ["http://127.0.0.1:4318/v1/traces", "https://id.example/keys?v=1", "http://[::1]:80/"] {
            assert_eq!(text.parse::<HttpUrl>().expect(text).to_string(), text);
        }
        for text in
            ["", "id.example/keys", "/keys", "ftp://id.example/", "https://me:secret@id.example/", "https://"]
        {
            assert!(text.parse::<HttpUrl>().expect_err(text).starts_with("a URL begins with"), "{text}");
        }
    }
}
