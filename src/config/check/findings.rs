//! What the checks found: mistakes, and which settings were set aside because of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::mistakes::Mistake;
use crate::config::tree::{Places, Source, at_index, parent};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(in crate::config) struct Findings {
    pub(in crate::config) mistakes: Vec<Mistake>,
    doubts: BTreeSet<String>,
    /// By the path of an array, the elements of it that were set aside.
    gaps: BTreeMap<String, BTreeSet<usize>>,
}

impl Findings {
    /// Begins with mistakes that were found before.
    pub(in crate::config) fn new(mistakes: Vec<Mistake>) -> Self {
        Self { mistakes, ..Self::default() }
    }

    /// Reports a mistake in `key` at a place.
    pub(in crate::config) fn report(&mut self, source: &Source, key: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(source.clone(), key, message));
    }

    /// Notes that what was written at `path` was set aside, so nothing can be concluded from it.
    pub(in crate::config) fn doubt(&mut self, path: String) {
        self.doubts.insert(path);
    }

    /// Notes that element `index` of an array was set aside.
    pub(in crate::config) fn doubt_element(&mut self, array: &str, index: usize) {
        self.doubt(at_index(array, index));
        self.gaps.entry(array.to_owned()).or_default().insert(index);
    }

    /// The index at which the file has what is element `index` of an array now that others were set aside.
    pub(in crate::config) fn written_index(&self, array: &str, index: usize) -> usize {
        let gaps = self.gaps.get(array).into_iter().flatten();
        gaps.fold(index, |index, gap| if *gap <= index { index + 1 } else { index })
    }

    /// Whether `path`, something it is in or something in it was set aside.
    pub(in crate::config) fn is_doubtful(&self, path: &str) -> bool {
        if self.doubts.is_empty() {
            return false;
        }
        let mut outer = std::iter::successors(Some(path), |path| parent(path));
        outer.any(|path| self.doubts.contains(path))
            || ['.', '['].iter().any(|step| self.has_within(path, *step))
    }

    fn has_within(&self, path: &str, step: char) -> bool {
        let prefix = format!("{path}{step}");
        self.doubts.range(prefix.clone()..).next().is_some_and(|doubt| doubt.starts_with(&prefix))
    }
}

/// Findings about typed settings, placed by path.
pub(in crate::config) struct Report<'f> {
    findings: &'f mut Findings,
    places: &'f Places,
    seen: BTreeSet<(Source, String)>,
}

impl<'f> Report<'f> {
    pub(in crate::config) fn new(findings: &'f mut Findings, places: &'f Places) -> Self {
        Self { findings, places, seen: BTreeSet::new() }
    }

    /// Reports a mistake in the setting at `path`, unless that setting was set aside.
    pub(in crate::config) fn mistake(&mut self, path: &str, message: impl Into<String>) {
        self.mistake_given(path, &[], message);
    }

    /// Reports a mistake at `path` that follows from other settings too, unless one of them was set aside.
    ///
    /// A value taken from `[defaults]` is reported once, not for each table that takes it.
    pub(in crate::config) fn mistake_given(
        &mut self,
        path: &str,
        causes: &[&str],
        message: impl Into<String>,
    ) {
        if self.findings.is_doubtful(path) || causes.iter().any(|cause| self.findings.is_doubtful(cause)) {
            return;
        }
        let (source, message) = (self.places.nearest(path), message.into());
        let is_written = self.places.get(path).is_some();
        if !is_written || self.seen.insert((source.clone(), message.clone())) {
            self.findings.report(source, path, message);
        }
    }

    /// Whether the setting at `path`, something in it or something it is in was set aside.
    pub(in crate::config) fn is_doubtful(&self, path: &str) -> bool {
        self.findings.is_doubtful(path)
    }

    /// The path of an element of an array, counted as in the file.
    pub(in crate::config) fn element(&self, array: &str, index: usize) -> String {
        at_index(array, self.findings.written_index(array, index))
    }

    /// The names of `section` that were set aside: they are known all the same.
    pub(in crate::config) fn names_set_aside(&self, section: &str) -> Vec<String> {
        let within = |path: &String| Some(path.strip_prefix(section)?.strip_prefix('.')?.to_owned());
        let names = self.findings.doubts.iter().filter_map(within);
        names.filter(|name| !name.contains(['.', '['])).collect()
    }

    /// Whether the setting at `path` was written anywhere.
    pub(in crate::config) fn is_written(&self, path: &str) -> bool {
        self.places.get(path).is_some()
    }

    /// Where a setting was written, in words.
    pub(in crate::config) fn place(&self, path: &str) -> String {
        self.places.nearest(path).brief()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_spreads_up_and_down_but_not_aside() {
        let mut findings = Findings::default();
        findings.doubt("upstreams.a.health.interval".to_owned());
        for path in [
            "upstreams.a.health.interval",
            "upstreams.a.health",
            "upstreams",
            "upstreams.a.health.interval[0]",
        ] {
            assert!(findings.is_doubtful(path), "{path}");
        }
        for path in ["upstreams.a.health.interval_b", "upstreams.b", "upstreams.a.health.timeout"] {
            assert!(!findings.is_doubtful(path), "{path}");
        }
    }
    #[test]
    fn elements_are_counted_as_they_were_written() {
        let mut findings = Findings::default();
        findings.doubt_element("a", 2);
        findings.doubt_element("a", 0);
        assert_eq!([0, 1, 2].map(|index| findings.written_index("a", index)), [1, 3, 4]);
    }
}
