//! What a configuration was read from, each in the version that was read: a later one is a change. Versions are told
//! apart by metadata, which works on every file system and through the links of Kubernetes' volumes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a configuration was read from.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<(PathBuf, Version)>);

/// What tells one version of a file or a folder from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(Option<(u64, u64, i64, i64, u64)>);

impl Sources {
    /// Notes a file or a folder that is about to be read, or that would have been if it were there. Before it is
    /// read: what changes meanwhile is then seen as a change.
    pub(in crate::config) fn note(&mut self, path: &Path) {
        self.0.push((path.to_owned(), Version::of(path)));
    }

    /// The file that includes the others.
    pub fn first(&self) -> Option<&Path> {
        self.0.first().map(|(path, _)| path.as_path())
    }

    /// All of them, in the order in which they were read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// The versions that were read.
    pub fn read(&self) -> Vec<Version> {
        self.0.iter().map(|(_, version)| *version).collect()
    }

    /// The versions that are there now.
    pub fn now(&self) -> Vec<Version> {
        self.0.iter().map(|(path, _)| Version::of(path)).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
impl<P: AsRef<Path>> FromIterator<P> for Sources {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        let mut sources = Self::default();
        paths.into_iter().for_each(|path| sources.note(path.as_ref()));
        sources
    }
}

impl Version {
    fn of(path: &Path) -> Self {
        // The folder of `*.toml` beside the first file has no name.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let about = fs::metadata(path).ok();
        Self(about.map(|it| (it.dev(), it.ino(), it.mtime(), it.mtime_nsec(), it.size())))
    }
}
