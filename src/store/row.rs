//! Columns of a row as values of ours. A column that cannot be read is a fault of ours: tables and program differ.

use std::cell::Cell;

use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::{Error, Result};

/// The columns of a row, by their names. Looking for each costs as much as reading it, and most are read in the order in
/// which the statement names them: so the one behind the last is looked at first.
pub(super) struct Cells<'r> {
    row: &'r Row,
    next: Cell<usize>,
}

impl<'r> Cells<'r> {
    pub(super) fn of(row: &'r Row) -> Self {
        Self { row, next: Cell::new(0) }
    }

    /// The value of a column.
    pub(super) fn read<T: FromSql<'r>>(&self, column: &str) -> Result<T> {
        let next = self.next.get();
        let is_next = self.row.columns().get(next).is_some_and(|it| it.name() == column);
        let index = if is_next { Some(next) } else { self.place(column) };
        self.next.set(index.unwrap_or(next) + 1);
        let value = match index {
            Some(index) => self.row.try_get(index),
            None => self.row.try_get(column),
        };
        value.map_err(|error| Error::internal(format!("read column `{column}`")).caused_by(error))
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.row.columns().iter().position(|it| it.name() == column)
    }

    /// The value behind the word in a column.
    pub(super) fn word<T>(&self, column: &str, meaning: fn(&str) -> Option<T>) -> Result<T> {
        let word: &str = self.read(column)?;
        let unknown = || Error::internal(format!("column `{column}` holds the unknown word `{word}`"));
        meaning(word).ok_or_else(unknown)
    }

    /// The JSON object in a column.
    pub(super) fn object(&self, column: &str) -> Result<Map<String, Value>> {
        match self.read(column)? {
            Value::Object(object) => Ok(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::internal(format!("column `{column}` holds JSON that is no object")))
            }
        }
    }
}
