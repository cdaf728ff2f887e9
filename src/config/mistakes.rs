//! What is wrong with a configuration, one line for each mistake, with its place.

use std::fmt;

use super::load::Sources;
use super::tree::Source;

/// One thing that is wrong, where, and about which key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    source: Source,
    key: String,
    message: String,
}

impl Mistake {
    /// A mistake about `key`, the path of a setting, or about no key when that is empty.
    pub(super) fn new(source: Source, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { source, key: key.into(), message: message.into() }
    }

    /// Where it is.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The path of the setting it is about; empty when it is about none.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        // One line for each mistake, whatever text of the file a message repeats.
        f.write_str(&self.message.replace('\n', " "))
    }
}

/// All mistakes of a configuration, sorted by file and place. Never empty.
#[derive(Debug, Clone)]
pub struct Mistakes {
    list: Vec<Mistake>,
    sources: Sources,
}

impl Mistakes {
    /// Sorts mistakes and drops repetitions.
    pub(super) fn new(mut list: Vec<Mistake>, sources: Sources) -> Self {
        list.sort();
        list.dedup();
        Self { list, sources }
    }

    /// The mistakes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.list.iter()
    }

    /// What was read: a change there may mend them.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            writeln!(f, "{mistake}")?;
        }
        match self.list.len() {
            1 => f.write_str("1 mistake"),
            count => write!(f, "{count} mistakes"),
        }
    }
}

impl std::error::Error for Mistakes {}
