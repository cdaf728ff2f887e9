//! What the parameters of a pattern stand for in a path.
//! Nothing is recorded while matching: pattern and path are laid beside each other when somebody asks.

use crate::config::{PathPattern, Segment};

/// A pattern and a path that fits it.
#[derive(Debug, Clone, Copy)]
pub struct Captures<'a> {
    pattern: &'a PathPattern,
    path: &'a str,
}

impl<'a> Captures<'a> {
    pub(in crate::pipeline) fn new(pattern: &'a PathPattern, path: &'a str) -> Self {
        Self { pattern, path }
    }

    /// The part of the path that a parameter stands for, spelled as in the path: escapes are not decoded.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find_map(|(parameter, value)| (parameter == name).then_some(value))
    }

    /// All parameters with what they stand for, from left to right.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut remaining = self.path.strip_prefix('/').unwrap_or_default();
        self.pattern.segments().iter().filter_map(move |pattern| {
            let whole = remaining;
            let (segment, after) = whole.split_once('/').unwrap_or((whole, ""));
            remaining = after;
            match pattern {
                Segment::Literal(_) => None,
                Segment::Param(name) => Some((name.as_str(), segment)),
                Segment::Rest(name) => Some((name.as_str(), whole)),
            }
        })
    }
}
