//! Pages of lists: by key, so that a page costs the same however deep it lies and nothing is shown twice.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// In which direction a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest or oldest first.
    Ascending,
    /// The largest or newest first.
    Descending,
}

/// Where in a list a page begins: the sorted value of the item before it, and that item's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the list is sorted by.
    pub key: Key,
    /// Tells items of the same value apart.
    pub id: Uuid,
}

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A time.
    Time(DateTime<Utc>),
    /// A text, such as a name.
    Text(String),
    /// A number, such as a price in minor units.
    Number(i64),
}

/// Which part of a list is wanted. What lies before a place is the same list in the other order after it.
#[derive(Debug, Clone)]
pub struct Window<S> {
    /// By what the list is sorted.
    pub sort: S,
    /// In which direction.
    pub direction: Direction,
    /// After which place the page begins. None: at the start.
    pub after: Option<Place>,
    /// Most items of the page.
    pub limit: u16,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items, in the order asked for.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub has_more: bool,
}
