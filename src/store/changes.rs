//! Which statements change what others remember. Told from their text, so that no function of the store can forget to
//! say it: whatever names a table and does more than read it changes what is kept in it.

use std::sync::OnceLock;

use crate::model::{Change, Noun, Nouns};

/// Tables with the noun whose things are kept in them.
const TABLES: &[(&str, Noun)] = &[
    ("users", Noun::Users),
    ("grants", Noun::Users),
    ("products", Noun::Products),
    ("product_images", Noun::Products),
    ("orders", Noun::Orders),
    ("order_items", Noun::Orders),
];

/// Whether a statement only reads. One that locks rows does no more, as far as others can tell.
pub(super) fn only_reads(sql: &str) -> bool {
    match words(sql).next() {
        Some("WITH") => !words(sql).any(|word| matches!(word, "INSERT" | "UPDATE" | "DELETE" | "MERGE")),
        first => first == Some("SELECT"),
    }
}

/// What a statement that does more than read changes.
pub(super) fn of(sql: &str) -> Nouns {
    let nouns = words(sql).filter_map(|word| TABLES.iter().find(|(table, _)| *table == word));
    nouns.fold(Nouns::NONE, |nouns, (_, noun)| nouns.with(*noun))
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    let words = sql.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| !word.is_empty())
}

/// Who is told of changes.
#[derive(Default)]
pub(super) struct Listener(OnceLock<Box<dyn Fn(Change) + Send + Sync>>);

impl Listener {
    pub(super) fn set(&self, listener: Box<dyn Fn(Change) + Send + Sync>) {
        // There is one cache in a process, and so one who listens.
        let _ = self.0.set(listener);
    }

    pub(super) fn tell(&self, change: Change) {
        if let Some(listener) = self.0.get().filter(|_| !change.nouns.is_empty()) {
            listener(change);
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("is_set", &self.0.get().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_changes_the_tables_it_names_unless_it_only_reads() {
        let cases: [(&str, &[Noun]); 7] = [
            ("SELECT id FROM products WHERE id = $1 FOR UPDATE", &[]),
            ("UPDATE products SET name = $3 WHERE id = $2", &[Noun::Products]),
            ("INSERT INTO order_items (order_id) SELECT id FROM orders", &[Noun::Orders]),
            ("WITH gone AS (DELETE FROM grants RETURNING user_id) SELECT 1 FROM gone", &[Noun::Users]),
            ("WITH some AS (SELECT id FROM products) SELECT count(*) FROM some", &[]),
            ("INSERT INTO audit_log (action) VALUES ($1)", &[]),
            ("UPDATE old_products SET a = 1", &[]),
        ];
        for (sql, expected) in cases {
            let changed = if only_reads(sql) { Nouns::NONE } else { of(sql) };
            assert_eq!(changed.each().collect::<Vec<_>>(), expected, "{sql}");
        }
    }
}
