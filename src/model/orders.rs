//! Orders of a tenant's users.

use chrono::{DateTime, Utc};

use super::{Money, OrderId, ProductId, UserId};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    pub user: UserId,
    /// How far it is.
    pub status: OrderStatus,
    /// What it costs.
    pub total: Money,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    /// What was bought.
    pub product: ProductId,
    /// How many.
    pub quantity: i32,
    /// The price of one at that moment, in minor units of the order's currency.
    pub price: i64,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// It was made.
    Pending,
    /// What it needs is reserved.
    Confirmed,
    /// It is paid.
    Paid,
    /// It is on its way.
    Shipped,
    /// It arrived.
    Delivered,
    /// It was given up.
    Cancelled,
    /// Its money went back.
    Refunded,
}

impl OrderStatus {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::Confirmed,
        Self::Paid,
        Self::Shipped,
        Self::Delivered,
        Self::Cancelled,
        Self::Refunded,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// By what orders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSort {
    /// When they were made.
    CreatedAt,
    /// What they cost, in minor units.
    Total,
}

/// Which orders are wanted. What is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Of this status.
    pub status: Option<OrderStatus>,
    /// Of this user.
    pub user: Option<UserId>,
}
