//! Orders of a tenant's users.

use chrono::{DateTime, Utc};

use uuid::Uuid;

use super::{Field, Money, Operator, OrderId, ProductId, UserId, Value, ValueKind};

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
    /// What its buyer says of it.
    pub note: Option<String>,
    /// Where it goes.
    pub shipping_address: Option<String>,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// What it is of, line by line, where that was asked for.
    pub items: Option<Vec<OrderItem>>,
}

/// What somebody wants to order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedOrder {
    /// For whom, if not for themselves.
    pub user: Option<UserId>,
    /// What.
    pub items: Vec<WantedItem>,
    /// What they say of it.
    pub note: Option<String>,
    /// Where it goes.
    pub shipping_address: Option<String>,
}

/// One thing of an order that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedItem {
    /// What is bought.
    pub product: ProductId,
    /// How many.
    pub quantity: i32,
}

/// A new order, whose goods are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    pub user: UserId,
    /// What it is of.
    pub items: Vec<OrderItem>,
    /// What that costs together.
    pub total: Money,
    /// What its buyer says of it.
    pub note: Option<String>,
    /// Where it goes.
    pub shipping_address: Option<String>,
}

/// What is said of an order, and may be said anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRemarks {
    /// What its buyer says of it.
    pub note: Option<String>,
    /// Where it goes.
    pub shipping_address: Option<String>,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderStatus {
    /// It was made, and what it is of is held for a while.
    #[default]
    Pending,
    /// What it is of is its own.
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
    /// All words for it.
    pub const WORDS: &'static [&'static str] =
        &["pending", "confirmed", "paid", "shipped", "delivered", "cancelled", "refunded"];

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

    /// What may come of it.
    pub fn leads_to(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Confirmed, Self::Cancelled],
            Self::Confirmed => &[Self::Paid, Self::Cancelled],
            Self::Paid => &[Self::Shipped, Self::Refunded],
            Self::Shipped => &[Self::Delivered, Self::Refunded],
            Self::Delivered => &[Self::Refunded],
            Self::Cancelled | Self::Refunded => &[],
        }
    }

    /// Whether what is said of the order may still be changed: it is not on its way, and not given up.
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Confirmed | Self::Paid => true,
            Self::Shipped | Self::Delivered | Self::Cancelled | Self::Refunded => false,
        }
    }

    /// What the word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What may be asked of the list of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderField {
    /// Its id.
    Id,
    /// Whose it is.
    UserId,
    /// How far it is.
    Status,
    /// What it costs, among orders of the same currency.
    Total,
    /// The currency of its total.
    Currency,
    /// When it was made.
    CreatedAt,
    /// When it was changed last.
    UpdatedAt,
}

impl Field for OrderField {
    type Item = Order;
    const ALL: &'static [Self] = &[
        Self::Id,
        Self::UserId,
        Self::Status,
        Self::Total,
        Self::Currency,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::UserId => "user_id",
            Self::Status => "status",
            Self::Total => "total",
            Self::Currency => "currency",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }

    fn kind(self) -> ValueKind {
        match self {
            Self::Id | Self::UserId => ValueKind::Id,
            Self::Status => ValueKind::Word(OrderStatus::WORDS),
            Self::Total => ValueKind::Amount,
            Self::Currency => ValueKind::Currency,
            Self::CreatedAt | Self::UpdatedAt => ValueKind::Time,
        }
    }

    fn operators(self) -> &'static [Operator] {
        match self {
            Self::Id | Self::UserId => &[Operator::Eq, Operator::In],
            Self::Status | Self::Currency => Operator::OF_WORDS,
            Self::Total | Self::CreatedAt | Self::UpdatedAt => Operator::OF_ORDERED,
        }
    }

    fn is_sortable(self) -> bool {
        match self {
            Self::Total | Self::CreatedAt => true,
            Self::Id | Self::UserId | Self::Status | Self::Currency | Self::UpdatedAt => false,
        }
    }

    fn value(self, order: &Order) -> Value {
        match self {
            Self::Id => Value::Id(order.id.uuid()),
            Self::UserId => Value::Id(order.user.uuid()),
            Self::Status => Value::Text(order.status.as_str().to_owned()),
            Self::Total => Value::Number(order.total.minor),
            Self::Currency => Value::Text(order.total.currency.clone()),
            Self::CreatedAt => Value::Time(order.created_at),
            Self::UpdatedAt => Value::Time(order.updated_at),
        }
    }

    fn id(order: &Order) -> Uuid {
        order.id.uuid()
    }
}
