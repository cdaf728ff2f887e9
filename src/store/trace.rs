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

/// The operation and the first table, as in `SELECT users`.
pub(super) fn summary(sql: &str) -> String {
    let mut words = sql.split_whitespace();
    let first = words.next().unwrap_or_default();
    let table = match first {
        "UPDATE" => words.next(),
        _ => words.find(|word| matches!(*word, "FROM" | "INTO")).and_then(|_| words.next()),
    };
    match table.map(|table| table.split(['(', ',', ')']).next().unwrap_or_default()) {
        Some(table) if !table.is_empty() => format!("{first} {table}"),
        _ => first.to_owned(),
    }
}

fn operation(sql: &str) -> &str {
    sql.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_summary_names_the_operation_and_the_first_table() {
        for (sql, expected) in [
            ("SELECT id FROM users WHERE tenant_id = $1", "SELECT users"),
            ("INSERT INTO audit_log (tenant_id) VALUES ($1)", "INSERT audit_log"),
            ("UPDATE tenants SET status = $2", "UPDATE tenants"),
            ("DELETE FROM grants WHERE role = $3", "DELETE grants"),
            ("SELECT search_products($1)", "SELECT"),
            ("SELECT * FROM search(1)", "SELECT search"),
            ("COMMIT", "COMMIT"),
            ("", ""),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
    }
}
