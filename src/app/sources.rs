//! Whether what a configuration was read from has changed since, and is worth reading again.

use crate::config::{self, Version};

/// Looks after which a change is taken up although the files still change: a file that is written again and again
/// would never be read otherwise.
const MOST_LOOKS: u32 = 10;

/// Files and folders with their versions.
#[derive(Debug)]
pub(super) struct Sources {
    read: config::Sources,
    /// At the last look.
    seen: Vec<Version>,
    /// Looks in a row that found them changed and still changing.
    restless: u32,
}

impl Sources {
    /// What was read just now.
    pub(super) fn of(sources: &config::Sources) -> Self {
        Self { read: sources.clone(), seen: sources.read(), restless: 0 }
    }

    /// Whether they differ from what was read, and have not changed since the last look: a file that is still
    /// being written is left until it rests, but not for ever.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = self.read.now();
        let is_at_rest = now == self.seen;
        self.seen = now;
        if self.seen == self.read.read() {
            self.restless = 0;
            return false;
        }
        self.restless += 1;
        is_at_rest || self.restless >= MOST_LOOKS
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A folder with one file, its sources, and what they are watched by.
    fn watched(name: &str) -> (PathBuf, PathBuf, Sources) {
        let folder = std::env::temp_dir().join(format!("olympus-sources-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("gateway.toml");
        fs::write(&file, "").unwrap();
        let sources = Sources::of(&[&file].into_iter().collect());
        (folder, file, sources)
    }

    #[test]
    fn a_change_counts_when_it_rests() {
        let (folder, file, mut sources) = watched("rest");
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

    #[test]
    fn a_file_that_never_rests_is_taken_up_all_the_same() {
        let (folder, file, mut sources) = watched("storm");
        let looks = (1..=2 * MOST_LOOKS).find(|look| {
            fs::write(&file, "a".repeat(*look as usize)).unwrap();
            sources.have_changed()
        });
        assert_eq!(looks, Some(MOST_LOOKS));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_changes_between_reading_and_the_first_look_is_a_change() {
        let (folder, file, _) = watched("early");
        let read: config::Sources = [&file].into_iter().collect();
        fs::write(&file, "later").unwrap();
        let mut sources = Sources::of(&read);
        assert!(!sources.have_changed());
        assert!(sources.have_changed());
        fs::remove_dir_all(folder).unwrap();
    }
}
