//! Products of a tenant.

use chrono::{DateTime, Utc};

use super::ProductId;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its number in the tenant's catalogue.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its price.
    pub price: Money,
    /// How many are left.
    pub stock: i32,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// In minor units of the currency, such as cents.
    pub minor: i64,
    /// By its three letters (ISO 4217).
    pub currency: String,
}

/// Whether a product is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductStatus {
    /// Not yet.
    Draft,
    /// It is.
    Active,
    /// No longer.
    Archived,
}

impl ProductStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Archived].into_iter().find(|status| status.as_str() == word)
    }
}

/// By what products are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    /// When they were made.
    CreatedAt,
    /// Their name.
    Name,
    /// Their price in minor units.
    Price,
}

/// Which products are wanted. What is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct ProductFilter {
    /// Of this status.
    pub status: Option<ProductStatus>,
    /// At least this price in minor units.
    pub price_from: Option<i64>,
    /// At most this price in minor units.
    pub price_to: Option<i64>,
    /// With these words in their name, number or description: the thousand that fit best.
    pub words: Option<String>,
}
