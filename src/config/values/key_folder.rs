//! A folder of private keys that tokens are signed with. It is read when the configuration is, and what it holds is
//! part of the setting: a key that came, went or changed makes another setting.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PemFile;

/// Ending of the files that are read.
const ENDING: &str = ".pem";
/// Ending of those whose keys are published but do not sign yet.
const UPCOMING: &str = ".next.pem";
/// More would make every published set of keys too large for those who fetch it.
const MOST: usize = 32;

/// The `*.pem` files of a folder. It prints as its path and never shows what they hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "key-folder", "examples" = ["keys"]))]
pub struct KeyFolder {
    path: Arc<str>,
    files: Arc<[KeyFile]>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The name of the file within its folder.
    pub name: Box<str>,
    /// What it holds.
    pub pem: PemFile,
}

impl KeyFile {
    /// Whether the key is published ahead of its time: it verifies, but does not sign.
    pub fn is_upcoming(&self) -> bool {
        self.name.ends_with(UPCOMING)
    }
}

impl KeyFolder {
    /// Its keys, sorted by the names of their files. At least one.
    pub fn files(&self) -> &[KeyFile] {
        &self.files
    }

    /// The files of the folder at a path that hold keys, sorted by name.
    pub(in crate::config) fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
        let refuse = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(refuse)? {
            let name = entry.map_err(refuse)?.file_name();
            // Kubernetes keeps what its volumes link to in hidden folders beside.
            if name.to_str().is_some_and(|name| name.ends_with(ENDING) && !name.starts_with('.')) {
                paths.push(path.join(name));
            }
        }
        paths.sort();
        Ok(paths)
    }
}

impl FromStr for KeyFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let paths = Self::list(Path::new(text))?;
        if paths.is_empty() {
            return Err(format!(
                "{text} holds no file `*{ENDING}`; `olympus token --new-key {text}` makes one"
            ));
        }
        if paths.len() > MOST {
            return Err(format!("{text} holds {} keys; {MOST} at most, remove those of old", paths.len()));
        }
        let file = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            Ok(KeyFile { name: name.into(), pem: path.to_string_lossy().parse()? })
        };
        let files: Vec<_> = paths.iter().map(file).collect::<Result<_, String>>()?;
        Ok(Self { path: text.into(), files: files.into() })
    }
}

impl fmt::Display for KeyFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Debug for KeyFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}

impl TryFrom<String> for KeyFolder {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeyFolder> for String {
    fn from(folder: KeyFolder) -> Self {
        folder.path.as_ref().to_owned()
    }
}
