//! `[defaults.upstream]` and `[defaults.route]`: merged under every upstream and every route.

use crate::config::tree::{Node, Table};

/// Gives each upstream and each route the keys it does not set. Tables are merged, other values replaced.
pub(super) fn merge(root: &mut Table) {
    for (default, section) in [("upstream", "upstreams"), ("route", "routes")] {
        let Some(defaults) =
            root.get("defaults").and_then(|entry| entry.node.as_table()?.get(default)).cloned()
        else {
            continue;
        };
        let named = root.get_mut(section).and_then(|entry| entry.node.as_table_mut());
        for entry in named.into_iter().flat_map(Table::values_mut) {
            merge_under(&mut entry.node, &defaults.node);
        }
    }
}

fn merge_under(node: &mut Node, defaults: &Node) {
    let (Some(table), Some(defaults)) = (node.as_table_mut(), defaults.as_table()) else { return };
    for (key, default) in defaults {
        match table.get_mut(key) {
            Some(entry) => merge_under(&mut entry.node, &default.node),
            None => {
                table.insert(key.clone(), default.clone());
            }
        }
    }
}
