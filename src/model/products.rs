//! Products of a tenant.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Field, Money, Operator, ProductId, Value, ValueKind};

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

/// What is said of a product, new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductDraft {
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
}

/// Whether a product is sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProductStatus {
    /// Not yet.
    Draft,
    /// It is.
    #[default]
    Active,
    /// No longer.
    Archived,
}

impl ProductStatus {
    /// All words for it.
    pub const WORDS: &'static [&'static str] = &["draft", "active", "archived"];

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

/// What may be asked of the list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductField {
    /// Its id.
    Id,
    /// Its number.
    Sku,
    /// Its name.
    Name,
    /// Its price, among products of the same currency.
    Price,
    /// The currency of its price.
    Currency,
    /// How many are left.
    Stock,
    /// Whether it is sold.
    Status,
    /// When it was made.
    CreatedAt,
    /// When it was changed last.
    UpdatedAt,
}

impl Field for ProductField {
    type Item = Product;
    const ALL: &'static [Self] = &[
        Self::Id,
        Self::Sku,
        Self::Name,
        Self::Price,
        Self::Currency,
        Self::Stock,
        Self::Status,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Sku => "sku",
            Self::Name => "name",
            Self::Price => "price",
            Self::Currency => "currency",
            Self::Stock => "stock",
            Self::Status => "status",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }

    fn kind(self) -> ValueKind {
        match self {
            Self::Id => ValueKind::Id,
            Self::Sku => ValueKind::Text(64),
            Self::Name => ValueKind::Text(200),
            Self::Price => ValueKind::Amount,
            Self::Currency => ValueKind::Currency,
            Self::Stock => ValueKind::Number,
            Self::Status => ValueKind::Word(ProductStatus::WORDS),
            Self::CreatedAt | Self::UpdatedAt => ValueKind::Time,
        }
    }

    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Id => &[Operator::Eq, Operator::In],
            Self::Sku | Self::Name => Operator::OF_TEXTS,
            Self::Currency | Self::Status => Operator::OF_WORDS,
            Self::Price | Self::Stock | Self::CreatedAt | Self::UpdatedAt => Operator::OF_ORDERED,
        }
    }

    fn is_sortable(self) -> bool {
        match self {
            Self::Sku | Self::Name | Self::Price | Self::CreatedAt | Self::UpdatedAt => true,
            Self::Id | Self::Currency | Self::Stock | Self::Status => false,
        }
    }

    fn value(self, product: &Product) -> Value {
        match self {
            Self::Id => Value::Id(product.id.uuid()),
            Self::Sku => Value::Text(product.sku.clone()),
            Self::Name => Value::Text(product.name.clone()),
            Self::Price => Value::Number(product.price.minor),
            Self::Currency => Value::Text(product.price.currency.clone()),
            Self::Stock => Value::Number(product.stock.into()),
            Self::Status => Value::Text(product.status.as_str().to_owned()),
            Self::CreatedAt => Value::Time(product.created_at),
            Self::UpdatedAt => Value::Time(product.updated_at),
        }
    }

    fn id(product: &Product) -> Uuid {
        product.id.uuid()
    }
}
