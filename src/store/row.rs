//! Columns of a row as values of ours. A column that cannot be read is a fault of ours: tables and program differ.

use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::{Error, Result};

/// The value of a column.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T> {
    let unread = |error| Error::internal(format!("read column `{column}`")).caused_by(error);
    row.try_get(column).map_err(unread)
}

/// The value behind the word in a column.
pub(super) fn word<T>(row: &Row, column: &str, meaning: fn(&str) -> Option<T>) -> Result<T> {
    let word: &str = get(row, column)?;
    meaning(word).ok_or_else(|| Error::internal(format!("column `{column}` holds the unknown word `{word}`")))
}

/// The JSON object in a column.
pub(super) fn object(row: &Row, column: &str) -> Result<Map<String, Value>> {
    match get(row, column)? {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::internal(format!("column `{column}` holds JSON that is no object")))
        }
    }
}
