//! Why somebody who is not a caller yet was sent away.

use crate::error::Error;

/// Why there is no session for somebody.
#[derive(Debug)]
pub enum Refused {
    /// What they showed is not good. Which part of it is not said, here or elsewhere.
    Unknown,
    /// They tried too often; after so many seconds they may try again.
    Attempts(u64),
    /// It could not be found out.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
