//! Files that settings name. `KEY_file` beside a secret `KEY`: the file's text, trimmed, becomes the secret. The path
//! of a PEM file and of the policy is made absolute, and the file read later, with the setting itself.

use std::path::{Path, PathBuf};

use super::Sources;
use crate::config::check::Findings;
use crate::config::regular;
use crate::config::schema::Schema;
use crate::config::tree::{Entry, Node, Source, Table, Value, at_key};
use crate::config::values::KeyFolder;

/// Reads the files of all secrets in the tree, finds those in PEM, and adds them all to the files read.
pub(super) fn read_files(
    table: &mut Table,
    schema: Schema<'_>,
    sources: &mut Sources,
    findings: &mut Findings,
) {
    Secrets { sources, findings }.in_table(table, schema, "");
}

struct Secrets<'s> {
    sources: &'s mut Sources,
    findings: &'s mut Findings,
}

impl Secrets<'_> {
    fn in_table(&mut self, table: &mut Table, schema: Schema<'_>, path: &str) {
        for key in schema.keys() {
            if schema.under(key).is_some_and(|schema| schema.format() == Some("secret")) {
                self.resolve(table, key, path);
            }
        }
        for (key, entry) in table {
            if let Some(schema) = schema.under(key) {
                match schema.format() {
                    Some("pem-file" | "policy-file") => self.find(&mut entry.node),
                    Some("key-folder") => self.find_folder(&mut entry.node),
                    Some(_) | None => {}
                }
                self.in_node(&mut entry.node, schema, &at_key(path, key));
            }
        }
    }

    fn in_node(&mut self, node: &mut Node, schema: Schema<'_>, path: &str) {
        for branch in schema.branches() {
            match &mut node.value {
                Value::Table(table) => self.in_table(table, branch, path),
                Value::Array(items) => {
                    if let Some(schema) = branch.item() {
                        items.iter_mut().for_each(|item| self.in_node(item, schema, path));
                    }
                }
                Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Date(_) => {
                }
            }
        }
    }

    /// Makes a path absolute, whoever reads it from where. That there is no such file is found when it is read.
    fn find(&mut self, node: &mut Node) {
        let Value::Text(name) = &mut node.value else { return };
        let path = resolve_path(name, &node.source);
        let path = std::path::absolute(&path).unwrap_or(path);
        *name = path.to_string_lossy().into_owned();
        if !self.sources.paths().any(|noted| noted == path) {
            self.sources.note(&path);
        }
    }

    /// The same for a folder of keys: one that comes to be there, or goes, is a change too.
    fn find_folder(&mut self, node: &mut Node) {
        self.find(node);
        let Value::Text(name) = &node.value else { return };
        for path in KeyFolder::list(Path::new(name)).into_iter().flatten() {
            self.sources.note(&path);
        }
    }

    /// Puts the text of `KEY_file` under `KEY`. Of two, one from the environment wins over one from a file.
    fn resolve(&mut self, table: &mut Table, key: &str, path: &str) {
        let file_key = format!("{key}_file");
        let Some(entry) = table.get(&file_key).cloned() else { return };
        let is_override = |source: &Source| matches!(source, Source::Environment(_));
        if let Some(direct) = table.get(key) {
            match (is_override(&direct.key), is_override(&entry.key)) {
                (true, false) => {
                    table.remove(&file_key);
                    return;
                }
                (false, true) => {}
                (true, true) | (false, false) => {
                    let message = format!(
                        "`{key}` is set too, at {}; only one of the two can hold",
                        direct.key.brief()
                    );
                    self.findings.report(&entry.key, &at_key(path, &file_key), message);
                    return;
                }
            }
        }
        let Some(name) = entry.node.as_text() else { return };
        match self.read(name, &entry.node.source) {
            Ok(secret) => {
                let node = Node::text(secret, entry.node.source.clone());
                table.insert(key.to_owned(), Entry { key: entry.key, node });
            }
            Err(message) => {
                self.findings.report(&entry.node.source, &at_key(path, &file_key), message);
                self.findings.doubt(at_key(path, key));
            }
        }
    }

    fn read(&mut self, name: &str, named_at: &Source) -> Result<String, String> {
        let path = resolve_path(name, named_at);
        self.sources.note(&path);
        let text = String::from_utf8(regular::read(&path)?)
            .map_err(|_| format!("cannot read {}: it is not UTF-8", path.display()))?;
        match text.trim() {
            "" => Err(format!("{} is empty", path.display())),
            secret => Ok(secret.to_owned()),
        }
    }
}

/// A relative path starts at the folder of the file that names it, or where the process runs.
fn resolve_path(name: &str, named_at: &Source) -> PathBuf {
    let folder = match named_at {
        Source::File { path, .. } => path.parent(),
        Source::Environment(_) | Source::Default => None,
    };
    folder.unwrap_or(Path::new("")).join(name)
}
