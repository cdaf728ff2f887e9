//! Orders of a tenant and what they are of.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Money, Order, OrderFilter, OrderId, OrderItem, OrderSort, OrderStatus, Page, ProductId, UserId, Window,
};

/// The orders of the tenant of a transaction.
#[derive(Debug)]
pub struct Orders<'w>(&'w Work);

impl Work {
    /// The orders of the tenant of a transaction.
    pub fn orders(&self) -> Orders<'_> {
        Orders(self)
    }
}

impl Orders<'_> {
    const GET: &'static str = "SELECT id, user_id, status, total, currency, version, created_at, updated_at
        FROM orders WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

    /// The order of this id.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, id: OrderId) -> Result<Order> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let found = self.0.find(Self::GET, &[param(&tenant, Type::UUID), param(&id, Type::UUID)]).await?;
        order(&found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such order"))?)
    }

    const ITEMS: &'static str = "SELECT product_id, quantity, price
        FROM order_items WHERE tenant_id = $1 AND order_id = $2 ORDER BY line";

    /// What an order is of, line by line. Nothing where there is no such order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn items(&self, id: OrderId) -> Result<Vec<OrderItem>> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let rows = self.0.query(Self::ITEMS, &[param(&tenant, Type::UUID), param(&id, Type::UUID)]).await?;
        rows.iter().map(item).collect()
    }

    const LIST: &'static str = "SELECT id, user_id, status, total, currency, version, created_at, updated_at
        FROM orders WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the orders that fit.
    ///
    /// # Errors
    /// The place is of a list sorted by something else.
    pub async fn list(&self, filter: &OrderFilter, window: &Window<OrderSort>) -> Result<Page<Order>> {
        let tenant = self.0.tenant()?.uuid();
        let (status, user) = (filter.status.map(OrderStatus::as_str), filter.user.map(UserId::uuid));
        let column = match window.sort {
            OrderSort::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
            OrderSort::Total => ("total", Type::INT8),
        };
        let mut select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        if let Some(status) = &status {
            select = select.with(" AND status = ?", [param(status, Type::TEXT)]);
        }
        if let Some(user) = &user {
            select = select.with(" AND user_id = ?", [param(user, Type::UUID)]);
        }
        select.page(self.0, window, column, order).await
    }
}

fn order(found: &Row) -> Result<Order> {
    Ok(Order {
        id: OrderId::from(row::get::<Uuid>(found, "id")?),
        user: UserId::from(row::get::<Uuid>(found, "user_id")?),
        status: row::word(found, "status", OrderStatus::from_word)?,
        total: Money { minor: row::get(found, "total")?, currency: row::get(found, "currency")? },
        version: row::get(found, "version")?,
        created_at: row::get(found, "created_at")?,
        updated_at: row::get(found, "updated_at")?,
    })
}

fn item(found: &Row) -> Result<OrderItem> {
    Ok(OrderItem {
        product: ProductId::from(row::get::<Uuid>(found, "product_id")?),
        quantity: row::get(found, "quantity")?,
        price: row::get(found, "price")?,
    })
}
