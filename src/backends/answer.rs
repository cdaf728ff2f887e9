//! What a backend answered, whole, and the checks that every answer goes through.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as the document it should be.
    ///
    /// # Errors
    /// `BadGateway`: it is none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| bad("a backend's answer is not what was agreed").caused_by(without_text(&error)))
    }

    /// The refusal of a status that nothing was agreed on for.
    pub fn unexpected(&self) -> Error {
        match self.status {
            503 => Error::new(Kind::Unavailable, "a backend cannot serve this now"),
            status => bad(&format!("a backend answered {status}, which nothing was agreed on for")),
        }
    }
}

/// An answer that cannot be used.
pub(super) fn bad(message: &str) -> Error {
    Error::new(Kind::BadGateway, message)
}

/// What is wrong with a document without what it holds, which may be secret.
fn without_text(error: &serde_json::Error) -> String {
    format!("{:?} error in line {}, column {}", error.classify(), error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_document_is_told_without_what_it_holds() {
        let answer = Answer { status: 200, body: Bytes::from_static(b"{\"token\": \"hunter2\"}") };
        let error = answer.json::<Vec<u8>>().unwrap_err();
        assert_eq!(error.kind(), Kind::BadGateway);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
