//! What a change expects to find.

use crate::error::{Error, Kind, Result};

/// The versions of a thing that a change may be made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whichever there is.
    Any,
    /// One of these; where there is none of them, none will do.
    OneOf(Vec<i64>),
    /// None of these.
    NoneOf(Vec<i64>),
    /// That there is no such thing: no version will do.
    Nothing,
}

impl Expected {
    /// Whether this version is one of them.
    pub fn is_met_by(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
            Self::NoneOf(versions) => !versions.contains(&version),
            Self::Nothing => false,
        }
    }

    /// The versions that it names, unless any will do, and whether it wants one of them or none.
    pub fn versions(&self) -> (Option<&[i64]>, bool) {
        match self {
            Self::Any => (None, true),
            Self::OneOf(versions) => (Some(versions), true),
            Self::NoneOf(versions) => (Some(versions), false),
            Self::Nothing => (Some(&[]), true),
        }
    }

    /// Makes sure that a thing of this name is of one of them.
    ///
    /// # Errors
    /// It is not.
    pub fn require(&self, name: &str, version: i64) -> Result<()> {
        if self.is_met_by(version) { Ok(()) } else { Err(self.unmet(name, version)) }
    }

    /// What whoever expected something else is told of a thing that is of this version.
    pub fn unmet(&self, name: &str, version: i64) -> Error {
        let message = match self {
            Self::Any | Self::OneOf(_) => {
                format!("the {name} was changed meanwhile: its version is {version} now")
            }
            Self::NoneOf(_) => format!("the {name} is of version {version}, which was not to be changed"),
            Self::Nothing => format!("the {name} is there already: its version is {version}"),
        };
        Error::new(Kind::Outdated, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_is_what_the_versions_say() {
        let cases = [
            (Expected::Any, true),
            (Expected::OneOf(vec![6, 7]), true),
            (Expected::OneOf(vec![6]), false),
            (Expected::NoneOf(vec![6, 7]), false),
            (Expected::NoneOf(vec![6]), true),
            (Expected::Nothing, false),
        ];
        for (expected, is_met) in cases {
            assert_eq!(expected.is_met_by(7), is_met, "{expected:?}");
            assert_eq!(expected.require("lamp", 7).is_ok(), is_met, "{expected:?}");
            // As statements read it.
            let (versions, is_wanted) = expected.versions();
            let said = versions.is_none_or(|versions| versions.contains(&7) == is_wanted);
            assert_eq!(said, is_met, "{expected:?}");
        }
    }
}
