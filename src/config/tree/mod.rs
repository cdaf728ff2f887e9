//! A configuration file as a tree in which every key and every value keeps where it came from.
//! It knows TOML, but not what any key means.

mod duplicates;
mod locator;
mod parse;
mod path;
mod places;
mod source;

use std::collections::BTreeMap;

pub(super) use parse::{locate_encoding_fault, parse_document, parse_value};
pub(super) use path::{at_index, at_key, parent, quote_key};
pub(super) use places::Places;
pub use source::Source;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// A value of TOML. Dates and times are not used by any setting and are kept as text.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Date(String),
    Array(Vec<Node>),
    Table(Table),
}

/// The entries of a table by key.
pub(super) type Table = BTreeMap<String, Entry>;

/// What a key stands for, and where the key itself was written.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Source,
    pub(super) node: Node,
}

impl Node {
    /// A text that comes from `source`.
    pub(super) fn text(text: String, source: Source) -> Self {
        Self { value: Value::Text(text), source }
    }

    /// The table this is, if it is one.
    pub(super) fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Array(_) => None,
        }
    }

    /// The table this is, if it is one.
    pub(super) fn as_table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::Array(_) => None,
        }
    }

    /// The text this is, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Date(_)
            | Value::Array(_)
            | Value::Table(_) => None,
        }
    }

    /// The same value without its sources, as serde takes it.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Boolean(flag) => (*flag).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(table) => table_to_json(table),
        }
    }
}

/// A table without its sources, as serde takes it.
pub(super) fn table_to_json(table: &Table) -> serde_json::Value {
    table
        .iter()
        .map(|(key, entry)| (key.clone(), entry.node.to_json()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
