//! Lists: a statement put together from constant parts, with every value bound. Pages are taken by key.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::work::{Parameter, Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{Direction, Key, Page, Window};

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

    /// The window of a list sorted by this column, which the place in it must fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub(super) async fn page<S, T>(
        self,
        work: &Work,
        window: &Window<S>,
        (column, kind): (&'static str, Type),
        read: impl Fn(&Row) -> Result<T>,
    ) -> Result<Page<T>> {
        let limit = window.limit.clamp(1, MOST);
        let wanted = i64::from(limit) + 1; // one more tells whether there are more
        let (beyond, descending) = match window.direction {
            Direction::Ascending => (") > (?, ?)", ""),
            Direction::Descending => (") < (?, ?)", " DESC"),
        };
        let mut select = self;
        if let Some(place) = &window.after {
            let key = match (&place.key, kind == Type::TIMESTAMPTZ, kind == Type::TEXT, kind == Type::INT8) {
                (Key::Time(time), true, _, _) => param(time, Type::TIMESTAMPTZ),
                (Key::Text(text), _, true, _) => param(text, Type::TEXT),
                (Key::Number(number), _, _, true) => param(number, Type::INT8),
                (Key::Time(_) | Key::Text(_) | Key::Number(_), ..) => {
                    return Err(Error::new(Kind::Invalid, "the cursor belongs to another list"));
                }
            };
            select = select.with(" AND (", []).with(column, []).with(", id", []);
            select = select.with(beyond, [key, param(&place.id, Type::UUID)]);
        }
        select = select.with(" ORDER BY ", []).with(column, []).with(descending, []).with(", id", []);
        select = select.with(descending, []).with(" LIMIT ?", [param(&wanted, Type::INT8)]);
        let rows = work.query(&select.sql, &select.bound).await?;
        let has_more = rows.len() > usize::from(limit);
        let items = rows.iter().take(usize::from(limit)).map(read).collect::<Result<_>>()?;
        Ok(Page { items, has_more })
    }
}
