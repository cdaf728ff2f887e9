//! Reads a configuration file and those it includes into one tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Sources;
use crate::config::mistakes::Mistake;
use crate::config::regular;
use crate::config::schema::Schema;
use crate::config::tree::{
    Entry, Node, Source, Table, Value, at_index, at_key, locate_encoding_fault, parse_document,
};

/// What was read: the merged tree, where it came from, and mistakes.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) table: Table,
    pub(super) sources: Sources,
    pub(super) mistakes: Vec<Mistake>,
    /// A file could not be read or parsed: what is said of the rest would mislead.
    pub(super) has_holes: bool,
}

/// Reads `path` and, through `include`, what belongs to it.
pub(super) fn read(path: &Path, schema: Schema<'_>) -> Read {
    let mut reader = Reader { schema, read: Read::default(), seen: BTreeSet::new(), open: Vec::new() };
    reader.file(path, &Source::whole(path), "");
    reader.read
}

struct Reader<'s> {
    schema: Schema<'s>,
    read: Read,
    seen: BTreeSet<PathBuf>,
    /// The files whose includes are being read, each included by the one before it.
    open: Vec<(PathBuf, PathBuf)>,
}

impl Reader<'_> {
    /// Reads one file and its includes; `named_at` and `key` are where it was asked for.
    fn file(&mut self, path: &Path, named_at: &Source, key: &str) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(first) = self.open.iter().position(|(open, _)| *open == real) {
            let message = self.describe_cycle(first, path);
            return self.fault(vec![Mistake::new(named_at.clone(), key, message)]);
        }
        if !self.seen.insert(real.clone()) {
            let message = format!("{} is read already", path.display());
            self.read.mistakes.push(Mistake::new(named_at.clone(), key, message));
            return;
        }
        let is_first = self.read.sources.is_empty();
        self.read.sources.note(path);
        let table = read_text(path, named_at, key).map_err(|mistake| vec![mistake]);
        let table = table.and_then(|text| parse_document(path, &text));
        let mut table = match table {
            Ok(table) => table,
            Err(faults) => return self.fault(faults),
        };
        let include = if is_first { table.get("include").cloned() } else { table.remove("include") };
        self.merge(table);
        if let Some(Entry { node: Node { value: Value::Array(patterns), .. }, .. }) = include {
            self.open.push((real, path.to_owned()));
            for (index, pattern) in patterns.iter().enumerate() {
                self.include(path, pattern, &at_index("include", index));
            }
            self.open.pop();
        }
    }

    /// The tree has holes.
    fn fault(&mut self, faults: Vec<Mistake>) {
        self.read.mistakes.extend(faults);
        self.read.has_holes = true;
    }

    /// The way from the file at `first` back to itself.
    fn describe_cycle(&self, first: usize, path: &Path) -> String {
        let way = self.open.iter().skip(first).map(|(_, named)| named.as_path()).chain([path]);
        let way: Vec<_> = way.map(|path| path.display().to_string()).collect();
        format!("files include each other in a cycle: {}", way.join(" -> "))
    }

    fn include(&mut self, from: &Path, pattern: &Node, key: &str) {
        let Some(text) = pattern.as_text() else { return };
        let folder = from.parent().unwrap_or(Path::new(""));
        if text.contains('*') {
            let listed = folder.join(text).parent().map_or_else(PathBuf::new, Path::to_path_buf);
            self.read.sources.note(&listed);
        }
        match expand(folder, text) {
            Ok(paths) => paths.iter().for_each(|path| self.file(path, &pattern.source, key)),
            Err(message) => {
                // It may come to be.
                self.read.sources.note(&folder.join(text));
                self.read.mistakes.push(Mistake::new(pattern.source.clone(), key, message));
            }
        }
    }

    /// Adds the tables of a file. Tables of named things (`[routes.NAME]`) may be spread over files; others not.
    fn merge(&mut self, table: Table) {
        for (key, entry) in table {
            let is_spread = self.schema.under(&key).is_some_and(|schema| schema.entry().is_some());
            match self.read.table.get_mut(&key) {
                None => {
                    self.read.table.insert(key, entry);
                }
                Some(first) => match (first.node.as_table_mut(), entry.node.value) {
                    (Some(names), Value::Table(more)) if is_spread => {
                        merge_names(names, more, &key, &mut self.read.mistakes);
                    }
                    _ => self.read.mistakes.push(set_twice(&key, &entry.key, &first.key)),
                },
            }
        }
    }
}

fn merge_names(names: &mut Table, more: Table, table: &str, mistakes: &mut Vec<Mistake>) {
    for (name, entry) in more {
        match names.get(&name) {
            Some(first) => mistakes.push(set_twice(&at_key(table, &name), &entry.key, &first.key)),
            None => {
                names.insert(name, entry);
            }
        }
    }
}

fn set_twice(key: &str, second: &Source, first: &Source) -> Mistake {
    Mistake::new(
        second.clone(),
        key,
        format!("set in {} already; a table belongs in one file", first.brief()),
    )
}

fn read_text(path: &Path, named_at: &Source, key: &str) -> Result<String, Mistake> {
    let bytes = regular::read(path).map_err(|message| Mistake::new(named_at.clone(), key, message))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Mistake::new(locate_encoding_fault(path, error.as_bytes(), valid), "", "invalid TOML: not UTF-8")
    })
}

/// The files a pattern names, sorted. `*` stands for any part of a file's name, within one folder.
fn expand(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = folder.join(pattern);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let parent = path.parent().unwrap_or(folder);
    if Path::new(pattern).parent().is_some_and(|parent| parent.to_string_lossy().contains('*')) {
        return Err(format!(
            "`*` matches within the last folder only, as in \"routes/*.toml\"; found {pattern:?}"
        ));
    }
    if !name.contains('*') {
        // What is there but is no file is refused where it is read, with the reason.
        return if path.exists() {
            Ok(vec![path])
        } else {
            Err(format!("there is no file {}", path.display()))
        };
    }
    // A folder that is not there holds no files: `*` may match nothing.
    let listed = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let entries = std::fs::read_dir(listed).into_iter().flatten().flatten();
    let is_match =
        |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(|file| matches(&name, file));
    let mut paths: Vec<_> = entries.filter(is_match).map(|entry| parent.join(entry.file_name())).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Whether a file's name fits a pattern. Hidden files fit only a pattern that begins with a dot.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_takes_any_part_of_a_name() {
        for (pattern, name) in
            [("*.toml", "a.toml"), ("*", "a"), ("a*b*c", "a-b-b-c"), ("a.toml", "a.toml"), ("*a*", "a")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.toml", "a.tom"),
            ("*.toml", ".a.toml"),
            ("a*b*c", "a-c-b"),
            ("a.toml", "aa.toml"),
            ("ab*ba", "aba"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
