//! The files a configuration was read from, and whether they have changed since. Looked at by their metadata, which
//! works on every file system and through the links of Kubernetes' volumes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config;

/// What tells one version of a file from another; `None` where there is none.
type Version = Option<(u64, u64, i64, i64, u64)>;

/// Files and folders with their versions.
#[derive(Debug)]
pub(super) struct Sources {
    paths: Vec<PathBuf>,
    /// When they were read.
    read: Vec<Version>,
    /// At the last look.
    seen: Vec<Version>,
}

impl Sources {
    /// What was read just now.
    pub(super) fn of(sources: &config::Sources) -> Self {
        let paths: Vec<PathBuf> = sources.files.iter().chain(&sources.folders).cloned().collect();
        let read = versions(&paths);
        Self { paths, seen: read.clone(), read }
    }

    /// Whether they differ from what was read, and have not changed since the last look: a file that is still
    /// being written is left until it rests.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = versions(&self.paths);
        let is_at_rest = now == self.seen;
        self.seen = now;
        is_at_rest && self.seen != self.read
    }
}

fn versions(paths: &[PathBuf]) -> Vec<Version> {
    paths.iter().map(PathBuf::as_path).map(version).collect()
}

fn version(path: &Path) -> Version {
    // The folder of `*.toml` beside the first file has no name.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let about = fs::metadata(path).ok()?;
    Some((about.dev(), about.ino(), about.mtime(), about.mtime_nsec(), about.size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_rests() {
        let folder = std::env::temp_dir().join(format!("olympus-sources-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("gateway.toml");
        fs::write(&file, "a").unwrap();
        let sources = config::Sources { files: vec![file.clone()], folders: Vec::new() };
        let mut sources = Sources::of(&sources);
        assert!(!sources.have_changed());
        fs::write(&file, "ab").unwrap();
        assert!(!sources.have_changed(), "it may be half written");
        assert!(sources.have_changed());
        fs::write(&file, "abc").unwrap();
        assert!(!sources.have_changed());
        fs::remove_file(&file).unwrap();
        assert!(!sources.have_changed());
        assert!(sources.have_changed(), "a file that is gone is a change");
        fs::remove_dir_all(folder).unwrap();
    }
}
