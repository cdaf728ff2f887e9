//! What is kept for tenants and read often, by name: so that a change of it can be told to whoever remembers it.

use super::TenantId;

/// A kind of thing that may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noun {
    /// Users with their roles.
    Users,
    /// Products with their images.
    Products,
    /// Orders with their items.
    Orders,
}

impl Noun {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Users, Self::Products, Self::Orders];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Products => "products",
            Self::Orders => "orders",
        }
    }

    /// The noun of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| noun.as_str() == word)
    }
}

/// Some of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nouns(u8);

impl Nouns {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, noun: Noun) -> Self {
        Self(self.0 | 1 << noun as u8)
    }

    /// The same as a number, for what counts without a lock.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The nouns of such a number.
    pub fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = Noun> {
        Noun::ALL.into_iter().filter(move |noun| self.0 & (1 << *noun as u8) != 0)
    }
}

/// What a transaction changed, as far as it may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Whose things. None: anybody's.
    pub tenant: Option<TenantId>,
    /// Which.
    pub nouns: Nouns,
    /// Whether it is done: where a connection broke off, or a caller left, in the middle of a commit, it may still be.
    pub is_done: bool,
}
