//! The reference backends through their sockets: what the demonstrations and the gateway's tests rely on.

#![cfg(test)]

mod auth;
mod commerce;
mod faults;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use support::process::Process;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn commerce() -> Process {
    Process::example("commerce", "commerce-1", &["--sweep-ms", "20"])
}
