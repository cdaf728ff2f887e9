//! `OLYMPUS__SECTION__KEY=value` overrides what the files say. The only place that reads the environment.

use std::collections::BTreeMap;

use crate::config::check::Findings;
use crate::config::schema::Schema;
use crate::config::tree::{Entry, Node, Source, Table, Value, at_index, at_key, parse_value};

const PREFIX: &str = "OLYMPUS__";

/// The variables of this process that override settings.
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let overrides = variables.filter(|(name, _)| name.starts_with(PREFIX));
    overrides.map(|(name, value)| (name, value.to_string_lossy().into_owned()))
}

/// Lays the variables over the tree, in the order of their names.
pub(super) fn apply(
    table: &mut Table,
    schema: Schema<'_>,
    environment: impl IntoIterator<Item = (String, String)>,
    findings: &mut Findings,
) {
    let mut variables: Vec<_> =
        environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in variables {
        let source = Source::Environment(name.as_str().into());
        let steps: Vec<_> = name.strip_prefix(PREFIX).unwrap_or_default().split("__").collect();
        let descent = Descent { value: &value, source: &source };
        let first = seen.entry(plain(&name)).or_insert_with(|| name.clone());
        let done = match steps.first() {
            _ if *first != name => Err(format!("{first} sets the same; unset one of the two")),
            // Files are read before variables are applied.
            Some(step) if plain(step) == "include" => {
                Err("`include` cannot be set from the environment, only in a file".to_owned())
            }
            _ => descent.set_in_table(table, schema, &steps, ""),
        };
        if let Err(message) = done {
            findings.report(&source, &steps.join(".").to_lowercase(), message);
        }
    }
}

/// How variables and keys are compared: case and dashes do not count.
fn plain(text: &str) -> String {
    text.to_lowercase().replace('-', "_")
}

struct Descent<'d> {
    value: &'d str,
    source: &'d Source,
}

impl Descent<'_> {
    fn set_in_table(
        &self,
        table: &mut Table,
        schema: Schema<'_>,
        steps: &[&str],
        path: &str,
    ) -> Result<(), String> {
        let Some((step, rest)) = steps.split_first().filter(|(step, _)| !step.is_empty()) else {
            return Err("names no setting: write OLYMPUS__SECTION__KEY".to_owned());
        };
        let key = name_meant(step, table, path)?;
        let inner = schema.under(&key).ok_or_else(|| unknown(schema, &key))?;
        let entry = table.entry(key.clone()).or_insert_with(|| Entry {
            key: self.source.clone(),
            node: Node { value: Value::Table(Table::new()), source: self.source.clone() },
        });
        if rest.is_empty() {
            *entry = Entry { key: self.source.clone(), node: self.read(inner) };
            return Ok(());
        }
        self.set_in_node(&mut entry.node, inner, rest, &at_key(path, &key))
    }

    fn set_in_node(
        &self,
        node: &mut Node,
        schema: Schema<'_>,
        steps: &[&str],
        path: &str,
    ) -> Result<(), String> {
        match &mut node.value {
            Value::Array(items) => self.set_in_array(items, schema, steps, path),
            Value::Table(table) => {
                let branch = schema.branches().into_iter().find(|branch| branch.has_type("object"));
                let branch = branch.ok_or_else(|| format!("`{path}` is not a table"))?;
                self.set_in_table(table, branch, steps, path)
            }
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Date(_) => {
                Err(format!("`{path}` is not a table"))
            }
        }
    }

    fn set_in_array(
        &self,
        items: &mut [Node],
        schema: Schema<'_>,
        steps: &[&str],
        path: &str,
    ) -> Result<(), String> {
        let branch = schema.branches().into_iter().find_map(Schema::item);
        let (Some(schema), Some((step, rest))) = (branch, steps.split_first()) else {
            return Err(format!("`{path}` has no elements"));
        };
        let count = items.len();
        let index = step.parse::<usize>().ok().filter(|index| *index < count);
        let Some((index, item)) = index.and_then(|index| Some((index, items.get_mut(index)?))) else {
            return Err(format!("`{path}` has {count} elements, counted from 0; there is no `{step}`"));
        };
        if rest.is_empty() {
            *item = self.read(schema);
            return Ok(());
        }
        self.set_in_node(item, schema, rest, &at_index(path, index))
    }

    /// The value as TOML where the schema wants something else than text, else as it is.
    fn read(&self, schema: Schema<'_>) -> Node {
        let takes = |name| schema.branches().iter().any(|branch| branch.has_type(name));
        let is_text_only =
            ["boolean", "integer", "number", "array", "object"].iter().all(|name| !takes(name));
        let parsed = (!is_text_only).then(|| parse_value(self.value, self.source)).flatten();
        // Where text is taken too, a value that merely looks like a number is text.
        let is_apt =
            |node: &Node| !takes("string") || matches!(node.value, Value::Array(_) | Value::Table(_));
        parsed.filter(is_apt).unwrap_or_else(|| Node::text(self.value.to_owned(), self.source.clone()))
    }
}

/// The key of `table` that a step of a variable's name means. Variables have no lower case and no dashes.
fn name_meant(step: &str, table: &Table, path: &str) -> Result<String, String> {
    let wanted = plain(step);
    let mut meant = table.keys().filter(|key| plain(key) == wanted);
    match (meant.next(), meant.next()) {
        (None, _) => Ok(step.to_lowercase()),
        (Some(key), None) => Ok(key.clone()),
        (Some(one), Some(other)) => {
            Err(format!("could mean `{}` or `{}`", at_key(path, one), at_key(path, other)))
        }
    }
}

fn unknown(schema: Schema<'_>, key: &str) -> String {
    format!("unknown key{}", crate::config::check::propose(key, &schema.keys()))
}
