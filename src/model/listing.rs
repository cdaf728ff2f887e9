//! Lists as they are asked for: conditions, several sort keys, where a page begins, how long it is. Each noun says by
//! its [`Field`]s what may be asked of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Direction;

/// A value that rows are compared with, or that they are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A time.
    Time(DateTime<Utc>),
    /// A text, such as a name.
    Text(String),
    /// A number, such as a price in minor units.
    Number(i64),
    /// An id.
    Id(Uuid),
    /// Yes or no.
    Flag(bool),
}

/// What the values of a field are, as clients write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A moment (RFC 3339).
    Time,
    /// A text of so many characters at most.
    Text(usize),
    /// A whole number.
    Number,
    /// A UUID.
    Id,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An amount of money in a currency, which another condition names.
    Amount,
    /// A currency by its three letters.
    Currency,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// Is it.
    Eq,
    /// Is anything else.
    Ne,
    /// Is less, or before it.
    Lt,
    /// Is at most it.
    Lte,
    /// Is more, or after it.
    Gt,
    /// Is at least it.
    Gte,
    /// Is one of them.
    In,
    /// Begins with it.
    Prefix,
    /// Is not set, or is.
    IsNull,
}

impl Operator {
    /// All of them, in the order of documents.
    pub const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Lt, Self::Lte, Self::Gt, Self::Gte, Self::In, Self::Prefix, Self::IsNull];
    /// Those of fields that have only certain values.
    pub const OF_WORDS: &'static [Self] = &[Self::Eq, Self::Ne, Self::In];
    /// Those of fields that have an order.
    pub const OF_ORDERED: &'static [Self] =
        &[Self::Eq, Self::Ne, Self::Lt, Self::Lte, Self::Gt, Self::Gte, Self::In];
    /// Those of texts.
    pub const OF_TEXTS: &'static [Self] = &[Self::Eq, Self::Ne, Self::In, Self::Prefix];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::In => "in",
            Self::Prefix => "prefix",
            Self::IsNull => "is_null",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == word)
    }
}

/// What may be asked of a noun's list: a closed set for each noun.
pub trait Field: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// What the list is of.
    type Item;
    /// All of them, in the order of documents.
    const ALL: &'static [Self];

    /// What clients call it.
    fn name(self) -> &'static str;
    /// What its values are.
    fn kind(self) -> ValueKind;
    /// How it may be compared; empty: not at all.
    fn operators(self) -> &'static [Operator];
    /// Whether lists may be sorted by it: there is an index that begins with it, and it is never null.
    fn is_sortable(self) -> bool;
    /// Its value in an item, as the database sorts by it.
    fn value(self, item: &Self::Item) -> Value;
    /// What tells items apart that are the same in all else.
    fn id(item: &Self::Item) -> Uuid;
}

/// One condition that rows must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<F> {
    /// Of what.
    pub field: F,
    /// How it is compared.
    pub operator: Operator,
    /// With what: one value; for `in` any number; for `prefix` where what begins so begins and, unless nothing comes
    /// after it, ends; for `is_null` a flag.
    pub values: Vec<Value>,
}

impl<F> Condition<F> {
    /// The condition that a field is this.
    pub fn equal(field: F, value: Value) -> Self {
        Self { field, operator: Operator::Eq, values: vec![value] }
    }

    /// The condition that a text begins so: by code points it lies from the prefix to what follows everything that
    /// begins with it.
    pub fn prefix(field: F, prefix: &str) -> Self {
        let values = [Some(prefix.to_owned()), after_all_of(prefix)];
        let values = values.into_iter().flatten().map(Value::Text).collect();
        Self { field, operator: Operator::Prefix, values }
    }
}

/// The first text by code points after all that begin so; `None` where all that follows begins so.
fn after_all_of(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // Surrogates are no characters, so what follows U+D7FF is U+E000.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

/// One of the things a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey<F> {
    /// By what.
    pub field: F,
    /// In which direction.
    pub direction: Direction,
}

/// A place in a list: an item's values of the sort keys, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// One for each sort key.
    pub values: Vec<Value>,
    /// Tells items of the same values apart.
    pub id: Uuid,
}

/// Where in a list a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With its first item.
    Beginning,
    /// After this place.
    After(Mark),
    /// It ends before this place.
    Before(Mark),
}

/// A page of a list that is wanted.
#[derive(Debug, Clone)]
pub struct Listing<F> {
    /// What rows must fit, all of it.
    pub conditions: Vec<Condition<F>>,
    /// Words to be found; the best thousand are looked at.
    pub words: Option<String>,
    /// By what it is sorted: the first key first, and by id at last.
    pub sort: Vec<SortKey<F>>,
    /// Where the page begins.
    pub start: Start,
    /// Most items of the page.
    pub limit: u16,
}

impl<F: Field> Listing<F> {
    /// All of a list from its beginning, sorted by one thing.
    pub fn by(field: F, direction: Direction, limit: u16) -> Self {
        let (sort, start) = (vec![SortKey { field, direction }], Start::Beginning);
        Self { conditions: Vec::new(), words: None, sort, start, limit }
    }

    /// The place of an item in it.
    pub fn mark(&self, item: &F::Item) -> Mark {
        Mark { values: self.sort.iter().map(|key| key.field.value(item)).collect(), id: F::id(item) }
    }

    /// The place right after this one, where nothing else can lie between.
    pub fn right_after(&self, mark: &Mark) -> Mark {
        self.moved(mark, Direction::Ascending)
    }

    /// The place right before this one.
    pub fn right_before(&self, mark: &Mark) -> Mark {
        self.moved(mark, Direction::Descending)
    }

    /// The id runs as the last key does.
    fn moved(&self, mark: &Mark, direction: Direction) -> Mark {
        let runs = self.sort.last().map_or(Direction::Ascending, |key| key.direction);
        let id = mark.id.as_u128();
        let id = if runs == direction { id.saturating_add(1) } else { id.saturating_sub(1) };
        Mark { values: mark.values.clone(), id: Uuid::from_u128(id) }
    }
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// So many, or at least so many.
    pub rows: u64,
    /// Whether there are no more.
    pub is_exact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_prefix_lies_between_it_and_what_follows() {
        for (prefix, after) in [
            ("lamp", Some("lamq")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(after_all_of(prefix).as_deref(), after, "{prefix:?}");
        }
    }

    #[test]
    fn every_operator_is_found_by_its_word() {
        for operator in Operator::ALL {
            assert_eq!(Operator::from_word(operator.as_str()), Some(operator));
        }
        assert_eq!(Operator::from_word("like"), None);
    }
}
