//! Pages of lists: by key, so that a page costs the same however deep it lies and nothing is shown twice.

/// In which direction a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest or oldest first.
    Ascending,
    /// The largest or newest first.
    Descending,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items, in the order asked for.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub has_more: bool,
}
