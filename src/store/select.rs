//! Lists: a statement put together from constant parts, with every value bound.

use tokio_postgres::Row;

use super::work::{Parameter, Work};
use crate::error::Result;

/// Most items of a page, whatever is asked for.
pub(super) const MOST: u16 = 1000;

/// A statement that grows.
pub(super) struct Select<'v> {
    sql: String,
    bound: Vec<Parameter<'v>>,
}

impl<'v> Select<'v> {
    /// Begins with a constant part.
    pub(super) fn from(base: &'static str) -> Self {
        Self { sql: base.to_owned(), bound: Vec::new() }
    }

    /// Adds a constant part, in which each `?` stands for the next of these values.
    pub(super) fn with<const N: usize>(mut self, part: &'static str, values: [Parameter<'v>; N]) -> Self {
        debug_assert_eq!(part.matches('?').count(), N, "a value for each `?` of `{part}`");
        let mut values = values.into_iter();
        for letter in part.chars() {
            match (letter, letter == '?') {
                (_, true) => {
                    self.bound.extend(values.next());
                    self.sql.push_str(&format!("${}", self.bound.len()));
                }
                (letter, false) => self.sql.push(letter),
            }
        }
        self
    }

    /// Its rows. A statement that is common is kept prepared.
    pub(super) async fn rows(&self, work: &Work, is_common: bool) -> Result<Vec<Row>> {
        match is_common {
            true => work.query(&self.sql, &self.bound).await,
            false => work.query_once(&self.sql, &self.bound).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::types::Type;

    use super::super::work::param;
    use super::Select;

    #[test]
    fn each_question_mark_stands_for_the_next_value() {
        let (first, second) = (1_i64, 2_i64);
        let select = Select::from("SELECT").with(" a = ?", [param(&first, Type::INT8)]);
        let select = select.with(" AND b", []).with(" = ?", [param(&second, Type::INT8)]);
        assert_eq!((select.sql.as_str(), select.bound.len()), ("SELECT a = $1 AND b = $2", 2));
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "a value for each `?` of ` a = ? AND b = ?`")]
    fn a_question_mark_without_a_value_is_found() {
        let first = 1_i64;
        let _ = Select::from("SELECT").with(" a = ? AND b = ?", [param(&first, Type::INT8)]);
    }

    #[cfg(debug_assertions)]
    #[test]
    #[should_panic(expected = "a value for each `?` of ` a`")]
    fn a_value_without_a_question_mark_is_found() {
        let first = 1_i64;
        let _ = Select::from("SELECT").with(" a", [param(&first, Type::INT8)]);
    }
}
