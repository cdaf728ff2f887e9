//! A tree of path segments that shows the values whose pattern fits a path, the most specific pattern first.
//!
//! A path leads to each node at most once, so a lookup is bounded by the size of the table however the patterns
//! overlap; without overlaps it takes one hash per segment.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::config::{PathPattern, Segment};

/// The values of all patterns that begin with the segments on the way to this node.
#[derive(Debug)]
pub(super) struct Trie<V> {
    /// Patterns that go on with this very segment. A slash at the end of a pattern is an empty last segment.
    literals: HashMap<Box<str>, Trie<V>>,
    /// Patterns that go on with any one segment that is not empty.
    parameter: Option<Box<Trie<V>>>,
    /// Patterns that end by taking all that is left, be it one empty segment.
    rest: Vec<V>,
    /// Patterns that end here.
    end: Vec<V>,
}

impl<V> Trie<V> {
    /// Adds a value. Values of the same pattern keep the order in which they were added.
    pub(super) fn insert(&mut self, pattern: &PathPattern, value: V) {
        let mut node = self;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Param(_) => node.parameter.get_or_insert_default(),
                Segment::Rest(_) => return node.rest.push(value),
            };
        }
        node.end.push(value);
    }

    /// Shows the values whose pattern fits `path`, until one breaks off.
    pub(super) fn visit<'t, B>(
        &'t self,
        path: &str,
        visit: &mut impl FnMut(&'t V) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match path.strip_prefix('/') {
            Some(segments) => self.descend(Some(segments), visit),
            None => ControlFlow::Continue(()),
        }
    }

    /// `remaining` holds the segments after this node; `Some("")` is one empty segment, `None` is no more.
    fn descend<'t, B>(
        &'t self,
        remaining: Option<&str>,
        visit: &mut impl FnMut(&'t V) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(path) = remaining else { return self.end.iter().try_for_each(visit) };
        let (segment, after) = match path.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (path, None),
        };
        if let Some(child) = self.literals.get(segment) {
            child.descend(after, visit)?;
        }
        if let Some(child) = &self.parameter
            && !segment.is_empty()
        {
            child.descend(after, visit)?;
        }
        self.rest.iter().try_for_each(visit)
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { literals: HashMap::new(), parameter: None, rest: Vec::new(), end: Vec::new() }
    }
}
