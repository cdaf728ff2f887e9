//! Orders of a tenant and what they are of.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::{Column, Shape, is_common};
use super::row::Cells;
use super::select::Select;
use super::work::{Work, param};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Count, Listing, Money, NewOrder, Order, OrderField, OrderId, OrderItem, OrderRemarks, OrderStatus, Page,
    ProductId, UserId,
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
    const INSERT: &'static str = "INSERT INTO orders
        (tenant_id, id, user_id, total, currency, note, shipping_address)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        RETURNING id, user_id, status, total, currency, note, shipping_address, version, created_at, updated_at";

    const INSERT_ITEMS: &'static str = "INSERT INTO order_items
        (tenant_id, order_id, line, product_id, quantity, price)
        SELECT $1, $2, line, product_id, quantity, price
        FROM unnest($3::uuid[], $4::integer[], $5::bigint[]) WITH ORDINALITY
            AS item (product_id, quantity, price, line)";

    /// A new order with all of its lines.
    ///
    /// # Errors
    /// There is no such user or product.
    pub async fn create(&self, new: &NewOrder) -> Result<Order> {
        let (tenant, id, user) = (self.0.tenant()?.uuid(), new.id.uuid(), new.user.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&user, Type::UUID),
            param(&new.total.minor, Type::INT8),
            param(&new.total.currency, Type::BPCHAR),
            param(&new.note, Type::TEXT),
            param(&new.shipping_address, Type::TEXT),
        ];
        let made = one(self.0.find(Self::INSERT, &values).await?)?;
        let products: Vec<Uuid> = new.items.iter().map(|item| item.product.uuid()).collect();
        let quantities: Vec<i32> = new.items.iter().map(|item| item.quantity).collect();
        let prices: Vec<i64> = new.items.iter().map(|item| item.price).collect();
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&products, Type::UUID_ARRAY),
            param(&quantities, Type::INT4_ARRAY),
            param(&prices, Type::INT8_ARRAY),
        ];
        self.0.query(Self::INSERT_ITEMS, &values).await?;
        Ok(Order { items: Some(new.items.clone()), ..made })
    }

    const GET: &'static str = "SELECT id, user_id, status, total, currency, note, shipping_address, version,
        created_at, updated_at
        FROM orders WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

    /// The order of this id.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn get(&self, id: OrderId) -> Result<Order> {
        self.found(Self::GET, id).await
    }

    const LOCK: &'static str = "SELECT id, user_id, status, total, currency, note, shipping_address, version,
        created_at, updated_at
        FROM orders WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE";

    /// The order of this id, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn lock(&self, id: OrderId) -> Result<Order> {
        self.found(Self::LOCK, id).await
    }

    const ITEMS: &'static str = "SELECT order_id, product_id, quantity, price
        FROM order_items WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id, line";

    /// What an order is of, line by line. Nothing where there is no such order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn items(&self, id: OrderId) -> Result<Vec<OrderItem>> {
        Ok(self.items_of(&[id.uuid()]).await?.into_iter().map(|(_, item)| item).collect())
    }

    /// Adds to orders what they are of.
    ///
    /// # Errors
    /// The database fails.
    pub async fn fill(&self, orders: &mut [Order]) -> Result<()> {
        let ids: Vec<Uuid> = orders.iter().map(|order| order.id.uuid()).collect();
        let mut all = self.items_of(&ids).await?;
        for order in orders {
            let own = all.extract_if(.., |(id, _)| *id == order.id).map(|(_, item)| item).collect();
            order.items = Some(own);
        }
        Ok(())
    }

    async fn items_of(&self, ids: &[Uuid]) -> Result<Vec<(OrderId, OrderItem)>> {
        let tenant = self.0.tenant()?.uuid();
        let rows =
            self.0.query(Self::ITEMS, &[param(&tenant, Type::UUID), param(&ids, Type::UUID_ARRAY)]).await?;
        rows.iter().map(item).collect()
    }

    const LIST: &'static str = "SELECT id, user_id, status, total, currency, note, shipping_address, version,
        created_at, updated_at
        FROM orders WHERE deleted_at IS NULL AND tenant_id = ";

    /// A page of the orders that fit.
    ///
    /// # Errors
    /// The place is of another list.
    pub async fn list(&self, listing: &Listing<OrderField>) -> Result<Page<Order>> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::LIST).with("?", [param(&tenant, Type::UUID)]);
        let shape = Shape { column, read: order };
        select.fitting(listing, column)?.listing(self.0, listing, &shape).await
    }

    const COUNT: &'static str = "SELECT count(*) AS count FROM (SELECT FROM orders
        WHERE deleted_at IS NULL AND tenant_id = ";

    /// How many orders fit, wherever a page begins; exact up to so many.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self, listing: &Listing<OrderField>, most: u32) -> Result<Count> {
        let tenant = self.0.tenant()?.uuid();
        let select = Select::from(Self::COUNT).with("?", [param(&tenant, Type::UUID)]);
        select.fitting(listing, column)?.count(self.0, most, is_common(listing)).await
    }

    const UPDATE: &'static str = "UPDATE orders SET note = $3, shipping_address = $4,
        version = version + 1, updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
        RETURNING id, user_id, status, total, currency, note, shipping_address, version, created_at, updated_at";

    /// Replaces what is said of an order.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn update(&self, id: OrderId, remarks: &OrderRemarks) -> Result<Order> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        let values = [
            param(&tenant, Type::UUID),
            param(&id, Type::UUID),
            param(&remarks.note, Type::TEXT),
            param(&remarks.shipping_address, Type::TEXT),
        ];
        one(self.0.find(Self::UPDATE, &values).await?)
    }

    const SET_STATUS: &'static str = "UPDATE orders SET status = $3, version = version + 1, updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
        RETURNING id, user_id, status, total, currency, note, shipping_address, version, created_at, updated_at";

    /// Moves an order to a status, whichever it was in.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn set_status(&self, id: OrderId, status: OrderStatus) -> Result<Order> {
        let (tenant, id, word) = (self.0.tenant()?.uuid(), id.uuid(), status.as_str());
        let values = [param(&tenant, Type::UUID), param(&id, Type::UUID), param(&word, Type::TEXT)];
        one(self.0.find(Self::SET_STATUS, &values).await?)
    }

    const TOUCH: &'static str = "UPDATE orders SET version = version + 1, updated_at = now()
        WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
        RETURNING id, user_id, status, total, currency, note, shipping_address, version, created_at, updated_at";

    /// Gives an order a new version, because something begins with it.
    ///
    /// # Errors
    /// There is none in this tenant.
    pub async fn touch(&self, id: OrderId) -> Result<Order> {
        self.found(Self::TOUCH, id).await
    }

    async fn found(&self, sql: &str, id: OrderId) -> Result<Order> {
        let (tenant, id) = (self.0.tenant()?.uuid(), id.uuid());
        one(self.0.find(sql, &[param(&tenant, Type::UUID), param(&id, Type::UUID)]).await?)
    }
}

fn column(field: OrderField) -> Column {
    match field {
        OrderField::Id => ("id", Type::UUID),
        OrderField::UserId => ("user_id", Type::UUID),
        OrderField::Status => ("status", Type::TEXT),
        OrderField::Total => ("total", Type::INT8),
        OrderField::Currency => ("currency", Type::BPCHAR),
        OrderField::CreatedAt => ("created_at", Type::TIMESTAMPTZ),
        OrderField::UpdatedAt => ("updated_at", Type::TIMESTAMPTZ),
    }
}

fn one(found: Option<Row>) -> Result<Order> {
    order(&found.ok_or_else(|| Error::new(Kind::NotFound, "there is no such order"))?)
}

fn order(row: &Row) -> Result<Order> {
    let found = Cells::of(row);
    Ok(Order {
        id: OrderId::from(found.read::<Uuid>("id")?),
        user: UserId::from(found.read::<Uuid>("user_id")?),
        status: found.word("status", OrderStatus::from_word)?,
        total: Money { minor: found.read("total")?, currency: found.read("currency")? },
        note: found.read("note")?,
        shipping_address: found.read("shipping_address")?,
        version: found.read("version")?,
        created_at: found.read("created_at")?,
        updated_at: found.read("updated_at")?,
        items: None,
    })
}

fn item(row: &Row) -> Result<(OrderId, OrderItem)> {
    let found = Cells::of(row);
    let item = OrderItem {
        product: ProductId::from(found.read::<Uuid>("product_id")?),
        quantity: found.read("quantity")?,
        price: found.read("price")?,
    };
    Ok((OrderId::from(found.read::<Uuid>("order_id")?), item))
}
