//! What traces tell of a statement: its operation and table, how many rows it gave, what it failed with. Never values,
//! and never its text. Where nothing is traced, its text is not even looked at.

use std::error::Error as _;

use tokio_postgres::Row;

use crate::error::{Error, Result};
use crate::telemetry::Span;

/// The span of a statement that is about to be sent.
pub(super) fn begin(sql: &str) -> Span {
    let span = Span::current().call("sql");
    span.rename(|| summary(sql));
    span.set("db.system.name", || "postgresql");
    span.set("db.query.summary", || summary(sql));
    span.set("db.operation.name", || operation(sql).to_owned());
    span
}

/// Says what became of it.
pub(super) fn end(span: &Span, answer: &Result<Vec<Row>>) {
    match answer {
        Ok(rows) => span.set("db.response.returned_rows", || rows.len() as i64),
        Err(error) => fail(span, error),
    }
}

/// Says that it failed, with the state that Postgres gave as the reason, if it gave one.
pub(super) fn fail(span: &Span, error: &Error) {
    span.fail(error.kind().as_str());
    let cause = error.source().and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    if let Some(state) = cause.and_then(tokio_postgres::Error::code) {
        span.set("db.response.status_code", || state.code().to_owned());
    }
}

/// The operation and its table, as in `SELECT users`. What stands in brackets counts only where nothing stands outside.
pub(super) fn summary(sql: &str) -> String {
    let operation = operation(sql);
    match table(&words(sql)) {
        Some(table) => format!("{operation} {table}"),
        None => operation.to_owned(),
    }
}

fn operation(sql: &str) -> &str {
    let words = words(sql);
    let first = words.first().map_or("", |(_, word)| *word);
    let is_main = |(depth, word): &&(usize, &str)| {
        *depth == 0 && matches!(*word, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE")
    };
    match first {
        // What it is for comes after what it begins with.
        "WITH" => words.iter().find(is_main).map_or(first, |(_, word)| *word),
        _ => first,
    }
}

fn table<'s>(words: &[(usize, &'s str)]) -> Option<&'s str> {
    let leads = |word: &str| matches!(word, "FROM" | "INTO" | "UPDATE");
    let outside = words.iter().position(|(depth, word)| *depth == 0 && leads(word));
    // Behind a word that leads to a table may be brackets, and the table in them.
    words.windows(2).skip(outside.unwrap_or(0)).find_map(|pair| match pair {
        [(outer, word), (inner, table)] if outer == inner && leads(word) => Some(*table),
        _ => None,
    })
}

/// The words of a statement, each with the number of brackets it is in.
fn words(sql: &str) -> Vec<(usize, &str)> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for part in sql.split_inclusive(['(', ')']) {
        let text = part.trim_end_matches(['(', ')']);
        let found = text.split([' ', '\n', ',']).filter(|word| !word.is_empty());
        words.extend(found.map(|word| (depth, word)));
        match part.chars().next_back() {
            Some('(') => depth += 1,
            Some(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_summary_names_the_operation_and_its_table() {
        for (sql, expected) in [
            ("SELECT id FROM users WHERE tenant_id = $1", "SELECT users"),
            ("INSERT INTO audit_log (tenant_id) VALUES ($1)", "INSERT audit_log"),
            ("UPDATE tenants SET status = $2", "UPDATE tenants"),
            ("DELETE FROM grants WHERE role = $3", "DELETE grants"),
            ("SELECT search_products($1)", "SELECT"),
            ("SELECT * FROM search(1)", "SELECT search"),
            ("SELECT id, ARRAY(SELECT role FROM grants) AS roles FROM users WHERE id = $1", "SELECT users"),
            (
                "SELECT count(*) FROM (SELECT FROM products WHERE id = $1 LIMIT $2) AS counted",
                "SELECT products",
            ),
            ("SELECT ARRAY(SELECT role FROM grants WHERE user_id = $1)", "SELECT grants"),
            (
                "WITH old AS (SELECT id FROM sessions FOR UPDATE) DELETE FROM tokens USING old",
                "DELETE tokens",
            ),
            ("WITH due AS (SELECT id FROM intents) UPDATE orders SET a = 1 FROM due", "UPDATE orders"),
            ("INSERT INTO grants (user_id) SELECT id FROM users", "INSERT grants"),
            ("COMMIT", "COMMIT"),
            ("", ""),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
    }
}
