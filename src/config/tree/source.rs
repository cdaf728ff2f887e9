//! Where a key or a value was written.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a setting came from. Ordered by file, then by place in it, then the environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A place in a file; line and column count from 1, columns in characters. Line 0 is the file as a whole.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// The line.
        line: usize,
        /// The character in the line.
        column: usize,
    },
    /// An environment variable, by name.
    Environment(Arc<str>),
    /// Nowhere: the default of the program.
    Default,
}

impl Source {
    /// A file as a whole.
    pub(in crate::config) fn whole(path: &Path) -> Self {
        Self::File { path: path.into(), line: 0, column: 0 }
    }

    /// The place without the column, as it is shown beside a value.
    pub fn brief(&self) -> String {
        match self {
            Self::File { path, line, .. } if *line > 0 => format!("{}:{line}", path.display()),
            Self::File { path, .. } => path.display().to_string(),
            Self::Environment(variable) => variable.to_string(),
            Self::Default => "default".to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.brief())?;
        match self {
            Self::File { line, column, .. } if *line > 0 => write!(f, ":{column}"),
            Self::File { .. } | Self::Environment(_) | Self::Default => Ok(()),
        }
    }
}
