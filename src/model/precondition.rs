//! What a change expects to find.

/// The versions of a thing that a change may be made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whichever there is.
    Any,
    /// One of these; where there is none of them, none will do.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Whether this version is one of them.
    pub fn is_met_by(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }

    /// The versions, where it is not any.
    pub fn versions(&self) -> Option<&[i64]> {
        match self {
            Self::Any => None,
            Self::OneOf(versions) => Some(versions),
        }
    }
}
