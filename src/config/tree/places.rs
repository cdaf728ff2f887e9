//! Where every path of a tree was written.

use std::collections::BTreeMap;

use super::{Node, Source, Table, Value, at_index, at_key, parent};

/// The source of every table, array and value, by path.
#[derive(Debug, Clone)]
pub(in crate::config) struct Places {
    by_path: BTreeMap<String, Source>,
    root: Source,
}

impl Places {
    /// The places of everything in a tree whose root is `root`. `written_index` says where in the file's array
    /// an element of the tree's array stood.
    pub(in crate::config) fn of(
        table: &Table,
        root: Source,
        written_index: &dyn Fn(&str, usize) -> usize,
    ) -> Self {
        let mut places = Self { by_path: BTreeMap::new(), root };
        places.enter_table(table, "", written_index);
        places
    }

    fn enter_table(&mut self, table: &Table, path: &str, written_index: &dyn Fn(&str, usize) -> usize) {
        for (key, entry) in table {
            self.enter(&entry.node, at_key(path, key), written_index);
        }
    }

    fn enter(&mut self, node: &Node, path: String, written_index: &dyn Fn(&str, usize) -> usize) {
        match &node.value {
            Value::Table(table) => self.enter_table(table, &path, written_index),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.enter(item, at_index(&path, written_index(&path, index)), written_index);
                }
            }
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Date(_) => {}
        }
        self.by_path.insert(path, node.source.clone());
    }

    /// Where exactly this path was written, if anywhere.
    pub(in crate::config) fn get(&self, path: &str) -> Option<&Source> {
        self.by_path.get(path)
    }

    /// Where this path was written, or else what it is in.
    pub(in crate::config) fn nearest(&self, path: &str) -> &Source {
        let mut ancestors = std::iter::successors(Some(path), |path| parent(path));
        ancestors.find_map(|path| self.by_path.get(path)).unwrap_or(&self.root)
    }
}
