//! Pages of lists by several keys: conditions, the place a page begins at, its order. What is put together are constant
//! parts; every value is bound.

use std::future::Future;

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::row::Cells;
use super::select::{MOST, Select};
use super::value::{array_of, fits};
use super::work::{Parameter, Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Condition, Count, Direction, Field, Listing, Mark, Operator, Page, SortKey, Start, Value,
};

/// The column that a field stands for, and its type; numbers are always compared as `bigint`.
pub(super) type Column = (&'static str, Type);

/// What a noun says of its fields and rows.
pub(super) struct Shape<F: Field> {
    pub(super) column: fn(F) -> Column,
    pub(super) read: fn(&Row) -> Result<F::Item>,
}

/// A key with its column, in the direction in which the page is read.
type Sorted = (Column, Direction);

impl<'v> Select<'v> {
    /// Only rows that fit.
    ///
    /// # Errors
    /// A condition has no value.
    pub(super) fn fitting<F: Field>(
        mut self,
        listing: &'v Listing<F>,
        column: fn(F) -> Column,
    ) -> Result<Self> {
        for condition in &listing.conditions {
            self = self.with(" AND ", []).comparing(condition, column(condition.field))?;
        }
        Ok(self)
    }

    fn comparing<F: Field>(self, condition: &'v Condition<F>, (column, kind): Column) -> Result<Self> {
        let missing = || Error::internal(format!("a condition on `{column}` has no value"));
        let first = condition.values.first().ok_or_else(missing)?;
        let select = self.with(column, []);
        let compared = match condition.operator {
            Operator::Eq => " = ?",
            Operator::Ne => " IS DISTINCT FROM ?",
            Operator::Lt => " < ?",
            Operator::Lte => " <= ?",
            Operator::Gt => " > ?",
            Operator::Gte => " >= ?",
            Operator::In => return Ok(select.with(" = ANY(?)", [param(&condition.values, array_of(&kind))])),
            Operator::IsNull if *first == Value::Flag(true) => return Ok(select.with(" IS NULL", [])),
            Operator::IsNull => return Ok(select.with(" IS NOT NULL", [])),
            // By code points: in other collations what begins so need not be together.
            Operator::Prefix => {
                let select = select.with(" COLLATE \"C\" >= ?", [param(first, kind.clone())]);
                let Some(end) = condition.values.get(1) else { return Ok(select) };
                return Ok(select
                    .with(" AND ", [])
                    .with(column, [])
                    .with(" COLLATE \"C\" < ?", [param(end, kind)]));
            }
        };
        Ok(select.with(compared, [param(first, kind)]))
    }

    /// The page of a list. Before a place it is read backwards, and given in the order that was asked for.
    ///
    /// # Errors
    /// The place is of another list.
    pub(super) async fn listing<F: Field>(
        self,
        work: &Work,
        listing: &Listing<F>,
        shape: &Shape<F>,
    ) -> Result<Page<F::Item>> {
        let limit = listing.limit.clamp(1, MOST);
        let wanted = i64::from(limit) + 1; // one more tells whether there are more
        let is_backwards = matches!(listing.start, Start::Before(_));
        let sorted = sorted(&listing.sort, shape.column, is_backwards);
        let mut select = self;
        if let Start::After(mark) | Start::Before(mark) = &listing.start {
            check(&sorted, mark)?;
            select = select.beyond(&sorted, mark);
        }
        for (index, ((column, _), direction)) in sorted.iter().enumerate() {
            let before = if index == 0 { " ORDER BY " } else { ", " };
            select = select.with(before, []).with(column, []).with(word(*direction), []);
        }
        select = select.with(" LIMIT ?", [param(&wanted, Type::INT8)]);
        let rows = select.rows(work, is_common(listing)).await?;
        let has_more = rows.len() > usize::from(limit);
        let items = rows.iter().take(usize::from(limit)).map(shape.read);
        let mut items = items.collect::<Result<Vec<_>>>()?;
        if is_backwards {
            items.reverse();
        }
        Ok(Page { items, has_more })
    }

    /// Only rows after a place. Where all keys run in one direction, a comparison of rows says so.
    fn beyond(self, sorted: &[Sorted], mark: &'v Mark) -> Self {
        let values = mark.values.iter().map(|value| value as &'v (dyn ToSql + Sync));
        let values = values.chain([&mark.id as &'v (dyn ToSql + Sync)]);
        let bound: Vec<_> =
            values.zip(sorted).map(|(value, ((_, kind), _))| param(value, kind.clone())).collect();
        let all_run = |direction| sorted.iter().all(|(_, it)| *it == direction);
        let compared = match (all_run(Direction::Ascending), all_run(Direction::Descending)) {
            (true, _) => ") > (",
            (false, true) => ") < (",
            (false, false) => return self.beyond_mixed(sorted, bound),
        };
        let mut select = self.with(" AND (", []);
        for (index, ((column, _), _)) in sorted.iter().enumerate() {
            select = select.with(if index == 0 { "" } else { ", " }, []).with(column, []);
        }
        select = select.with(compared, []);
        for (index, value) in bound.into_iter().enumerate() {
            select = select.with(if index == 0 { "?" } else { ", ?" }, [value]);
        }
        select.with(")", [])
    }

    /// The same of keys that run in both directions: the first one bounds the rows, by its index; and each decides
    /// where all before it are equal.
    fn beyond_mixed(mut self, sorted: &[Sorted], bound: Vec<Parameter<'v>>) -> Self {
        let last = bound.len().saturating_sub(1);
        for (index, (((column, _), direction), value)) in sorted.iter().zip(bound).enumerate() {
            let (bounding, compared) = match direction {
                Direction::Ascending => (" >= ?", " > ?"),
                Direction::Descending => (" <= ?", " < ?"),
            };
            if index == 0 {
                self =
                    self.with(" AND ", []).with(column, []).with(bounding, [value.clone()]).with(" AND ", []);
            }
            self = self.with("(", []).with(column, []).with(compared, [value.clone()]);
            if index < last {
                self = self.with(" OR ", []).with(column, []).with(" = ? AND ", [value]);
            }
        }
        sorted.iter().fold(self, |select, _| select.with(")", []))
    }

    /// How many rows there are, up to so many; what it began with counts the rows of a statement that stays open.
    ///
    /// # Errors
    /// The database fails.
    pub(super) async fn count(self, work: &Work, most: u32, is_common: bool) -> Result<Count> {
        let wanted = i64::from(most) + 1;
        let select = self.with(" LIMIT ?) AS counted", [param(&wanted, Type::INT8)]);
        let rows = select.rows(work, is_common).await?;
        let found: i64 = rows.first().map_or(Ok(0), |found| Cells::of(found).read("count"))?;
        let found = u64::try_from(found).unwrap_or_default();
        Ok(Count { rows: found.min(u64::from(most)), is_exact: found <= u64::from(most) })
    }
}

/// A page of a list, and how many items that has: asked for at once, so that neither waits a round trip for the other.
///
/// # Errors
/// Those of both.
pub async fn counted<F: Field>(
    listing: &Listing<F>,
    page: impl Future<Output = Result<Page<F::Item>>>,
    count: impl Future<Output = Result<Count>>,
) -> Result<(Page<F::Item>, Count)> {
    // Both to their ends: a statement that is left midway is cancelled, and its connection closed.
    let (page, count) = futures_util::future::join(page, count).await;
    let (page, count) = (page?, count?);
    // Each saw what was there when it was run, and where a page shows all there is, it is to agree with itself.
    let is_whole = listing.start == Start::Beginning && !page.has_more;
    let count = match u64::try_from(page.items.len()) {
        Ok(rows) if is_whole => Count { rows, is_exact: true },
        _ => count,
    };
    Ok((page, count))
}

/// Whether a list is one of those that are asked for again and again, so that its statement is worth keeping: there
/// are more combinations of conditions and keys than any connection could keep.
pub(super) fn is_common<F: Field>(listing: &Listing<F>) -> bool {
    let is_plain = |condition: &Condition<F>| condition.operator == Operator::Eq;
    listing.sort.len() == 1 && listing.conditions.len() <= 1 && listing.conditions.iter().all(is_plain)
}

/// The keys with that of the id at last, which runs as the one before it.
fn sorted<F: Field>(sort: &[SortKey<F>], column: fn(F) -> Column, is_backwards: bool) -> Vec<Sorted> {
    let turned = |direction| match (direction, is_backwards) {
        (Direction::Ascending, false) | (Direction::Descending, true) => Direction::Ascending,
        (Direction::Descending, false) | (Direction::Ascending, true) => Direction::Descending,
    };
    let last = sort.last().map_or(Direction::Ascending, |key| key.direction);
    let keys = sort.iter().map(|key| (column(key.field), turned(key.direction)));
    keys.chain([(("id", Type::UUID), turned(last))]).collect()
}

fn check(sorted: &[Sorted], mark: &Mark) -> Result<()> {
    let kinds = sorted.iter().map(|((_, kind), _)| kind);
    let is_of_it = mark.values.len() + 1 == sorted.len()
        && mark.values.iter().zip(kinds).all(|(value, kind)| fits(value, kind));
    if is_of_it { Ok(()) } else { Err(Error::new(Kind::Invalid, "the cursor belongs to another list")) }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "",
        Direction::Descending => " DESC",
    }
}
