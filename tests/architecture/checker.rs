//! The laws, and the check of files against them. It knows no module and no crate by name: the tables are in
//! `architecture.rs`.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::names::{Name, Names};
use crate::{MOST_LINES, ROOMS, is_module, may_import};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    Module,
    Direction,
    Face,
    Room,
    Length,
    Opening,
}

/// A file below `src/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) struct Violation {
    pub(crate) law: Law,
    path: String,
    pub(crate) line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.path, self.line, self.message)
    }
}

pub(crate) fn sources(folder: &Path, prefix: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("src/ can be read").map(|entry| entry.expect("an entry").path())
    {
        let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
        if entry.is_dir() {
            found.extend(sources(&entry, &format!("{prefix}{name}/")));
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&entry).expect("a source file can be read");
            found.push(Source { path: format!("{prefix}{name}"), text });
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let files: Vec<File<'_>> = sources.iter().map(File::read).collect();
    let tests: Vec<&Vec<String>> = files.iter().flat_map(|file| &file.names.test_files).collect();
    let is_test = |file: &File<'_>| tests.iter().any(|test| file.module.starts_with(test));
    files.iter().flat_map(|file| file.violations(is_test(file))).collect()
}

struct File<'a> {
    source: &'a Source,
    /// Names from the crate's root to this file.
    module: Vec<String>,
    names: Names,
}

impl<'a> File<'a> {
    fn read(source: &'a Source) -> Self {
        let steps = source.path.trim_end_matches(".rs").split('/');
        let is_step = |step: &&str| !matches!(*step, "mod" | "lib" | "main");
        let module: Vec<String> = steps.filter(is_step).map(str::to_owned).collect();
        let parsed = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
        Self { source, names: Names::of_file(&parsed, &module), module }
    }

    fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    fn violations(&self, is_test_file: bool) -> Vec<Violation> {
        let mut found: Vec<Violation> =
            [self.module_law(), self.length_law(), self.opening_law()].into_iter().flatten().collect();
        for name in &self.names.found {
            found.extend(self.direction_law(name));
            if !name.is_test && !is_test_file {
                found.extend(self.face_law(name));
                found.extend(self.room_law(name));
            }
        }
        found.dedup_by(|second, first| second.to_string() == first.to_string());
        found
    }

    fn module_law(&self) -> Option<Violation> {
        let message = || format!("module `{}` is not in the table; give it a row", self.top());
        (!is_module(self.top())).then(|| self.violation(Law::Module, 1, message()))
    }

    fn length_law(&self) -> Option<Violation> {
        let lines = lines_of_code(&self.source.text);
        let message = || format!("{lines} lines of code; at most {MOST_LINES} are allowed");
        (lines > MOST_LINES).then(|| self.violation(Law::Length, 1, message()))
    }

    fn opening_law(&self) -> Option<Violation> {
        let message = "the first line must be `//!` and say what the file is for".to_owned();
        (!self.source.text.starts_with("//!")).then(|| self.violation(Law::Opening, 1, message))
    }

    fn direction_law(&self, name: &Name) -> Option<Violation> {
        let imported = name.path.get(1).filter(|_| name.path[0] == "crate")?;
        let allowed = may_import(self.top());
        let is_judged = imported == "*" || (is_module(imported) && imported != self.top());
        let message = || {
            let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            format!("`{}` uses `{}`; it may import: {allowed}", self.top(), name.path.join("::"))
        };
        (is_judged && !allowed.contains(&imported.as_str()))
            .then(|| self.violation(Law::Direction, name.line, message()))
    }

    fn face_law(&self, name: &Name) -> Option<Violation> {
        let path = self.names.in_full(&name.path);
        let [root, folder, file, _, ..] = path.as_slice() else { return None };
        let is_inside = root == "crate" && is_module(folder) && folder != self.top();
        let message = || {
            format!(
                "`{}` goes past the face of `{folder}`; allowed is `crate::{folder}::Item`",
                path.join("::")
            )
        };
        (is_inside && file.starts_with(char::is_lowercase))
            .then(|| self.violation(Law::Face, name.line, message()))
    }

    fn room_law(&self, name: &Name) -> Option<Violation> {
        let path = name.path.join("::");
        let is_meant = |kept: &str| match kept.strip_suffix('*') {
            Some(family) => path.starts_with(family),
            None => path == kept || path.starts_with(&format!("{kept}::")),
        };
        let (kept, places) = ROOMS.iter().find(|(kept, _)| is_meant(kept))?;
        let message = || format!("`{path}` is used; `{kept}` is allowed in: {}", places.replace(' ', ", "));
        let is_at_home = places.split(' ').any(|place| self.is_at(place));
        (!is_at_home).then(|| self.violation(Law::Room, name.line, message()))
    }

    fn is_at(&self, place: &str) -> bool {
        match place.strip_prefix('*') {
            Some(file) => self.source.path.ends_with(file),
            None => self.top() == place || self.source.path == place,
        }
    }

    fn violation(&self, law: Law, line: usize, message: String) -> Violation {
        Violation { law, path: self.source.path.clone(), line, message }
    }
}

fn lines_of_code(text: &str) -> usize {
    let mut is_in_comment = false;
    let is_code = |line: &&str| {
        let line = line.trim();
        let was_in_comment = is_in_comment;
        is_in_comment = (is_in_comment || line.starts_with("/*")) && !line.ends_with("*/");
        !(line.is_empty() || was_in_comment || line.starts_with("//") || line.starts_with("/*"))
    };
    text.lines().filter(is_code).count()
}
